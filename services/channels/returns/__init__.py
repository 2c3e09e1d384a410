"""Goods that come back from partners: returns and exchanges, and what they say of quality."""
