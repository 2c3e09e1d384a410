"""What the contracts, the code, the schema and the tree promise each other."""
