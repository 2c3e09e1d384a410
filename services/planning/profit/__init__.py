"""Profit: prices in layers, the tree of profit and expenses, what would be if, and completion."""
