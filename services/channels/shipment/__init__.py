"""Goods on their way from the warehouse to the partner."""
