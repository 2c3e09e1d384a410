"""What a partner pays: list price, channel terms and discount, each a policy of its own."""
