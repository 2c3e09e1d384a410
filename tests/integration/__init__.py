"""SQL, locks and races against PostgreSQL, and each RPC through a server in the process."""
