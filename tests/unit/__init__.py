"""Rules and arithmetic, without a database."""
