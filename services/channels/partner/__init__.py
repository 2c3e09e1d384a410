"""Who sells ours, what was agreed with them, and how far they are trusted to pay."""
