"""Break the running platform on purpose, and count what was lost: `python -m tests.faults`.

Clients keep journals, trials break things, and the checker reads what is left: the journals, the
databases at rest and the exported telemetry, nothing else.
"""
