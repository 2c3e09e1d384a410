"""What lies in the warehouses of the partners, as they report it."""
