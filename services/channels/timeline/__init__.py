"""What happened to an order, from the first move to the money."""
