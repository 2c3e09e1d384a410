"""Large customers: their dossiers, and who looks after them."""
