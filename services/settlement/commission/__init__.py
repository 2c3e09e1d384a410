"""What partners earn for sales and realised offers, from the accrual to the payment."""
