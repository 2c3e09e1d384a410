"""What may be offered now: copies of campaigns and products, and an index of them in memory."""
