"""What is run against Mantle: rules, contracts, the database, the flow, images, faults, speed."""
