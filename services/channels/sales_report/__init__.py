"""What partners sold over their counters, as they report it in bulk."""
