"""What planning lets each partner be sold in a month, by copy."""
