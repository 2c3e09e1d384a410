"""Invoices, the money that comes in for them, and what a partner's account looks like."""
