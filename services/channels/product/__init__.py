"""What the company sells, its way to the market, and how much of it lies in the warehouse."""
