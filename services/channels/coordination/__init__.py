"""What orders need of those who make and bring the goods."""
