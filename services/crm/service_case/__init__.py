"""What customers want or have to be told: complaints, enquiries, visits and notices."""
