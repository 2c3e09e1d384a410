"""The one entry of all touchpoints: what to offer to this customer now, and whether at all."""
