"""Prices that differ from the policies: who asked for them, and who allowed them."""
