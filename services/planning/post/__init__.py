"""Posts with dates: duties, authority and measures in one place, and who holds them when."""
