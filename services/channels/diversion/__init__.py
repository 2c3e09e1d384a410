"""Goods that are sold where they were not sent to, from the scan of a batch to the fine."""
