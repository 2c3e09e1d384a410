"""What partners order, from the first check to the payment, with the shipment."""
