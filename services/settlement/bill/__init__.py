"""Bills with which partners pay, and what becomes of them."""
