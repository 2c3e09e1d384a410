"""What settlement told of the purchases of partners and customers; a copy, for evaluations."""
