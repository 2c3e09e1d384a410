"""The monthly sales plan that partners and production are held to."""
