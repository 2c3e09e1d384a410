"""Visits to partners, inspections of the market, and what they found."""
