"""How much a partner may owe, and what is set aside of it for orders."""
