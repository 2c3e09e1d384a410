"""Show the traces that the local platform wrote, without any tracing backend.

The services write OpenTelemetry's JSON Lines into one folder. This package finds a trace in those
files and shows it in the terminal, as one self-contained HTML page, or as a file for Jaeger.
It only reads; nothing here runs inside a service.
"""

from local.trace.command import run

__all__ = ["run"]
