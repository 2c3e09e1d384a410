"""What a service does by itself: periodic turns under a try-lock, and long runs in chunks."""
