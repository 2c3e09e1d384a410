"""What people and partners get or pay beside their commission, and how people are ranked."""
