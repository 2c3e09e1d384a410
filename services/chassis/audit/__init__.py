"""Who did what, and who was refused: an append-only record beside each service's own tables."""
