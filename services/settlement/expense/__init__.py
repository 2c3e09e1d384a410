"""Expenses of sales and service: budgeted, approved, spent, paid, and evaluated."""
