"""The customers, what is known of them, and what they agreed to."""
