"""What every service stands on: the door, transactions, events, processes, policies and telemetry.

Owns the shape of a service and not one business word; it imports no service. What two services
need, and what has no name in the company's own language, lives here in small modules: the pure ones
(`money allocation period ids clock errors outcome`) for domain code, `rpc` as the only place that
knows the transport, and the served mechanisms as capabilities with rooms of their own.
"""
