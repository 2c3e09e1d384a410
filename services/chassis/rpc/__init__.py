"""The only place that knows gRPC: the server with its gate, the client, the door, statuses and
identities."""
