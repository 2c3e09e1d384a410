"""Goods that came back to channels: what they caused is taken back, all of it at once."""
