"""Fines for goods sold in areas of others: booked once, out of the rebate, sales to the victim."""
