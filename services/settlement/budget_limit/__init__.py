"""What the plan in force lets units spend, by copy from planning."""
