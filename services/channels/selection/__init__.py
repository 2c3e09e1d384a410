"""How a company becomes a distributor: 14 steps from the research to the customer file."""
