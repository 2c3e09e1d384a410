"""Print the part of requirements.lock that one purpose needs, with everything it stands on.

`python3 packages.py LOCK serve|generate`, with the standard library alone. The lock says behind
each package who asked for it; following that gives the closure, so that there is one lock and no
tool of ours in an image that serves.
"""

import re
import sys
from pathlib import Path

# What `services/` imports, `services/local` left out; a test compares.
SERVE = (
    "alembic",
    "cel-expr-python",
    "googleapis-common-protos",
    "grpcio",
    "grpcio-health-checking",
    "grpcio-reflection",
    "grpcio-status",
    "numpy",
    "opentelemetry-api",
    "opentelemetry-exporter-otlp-json-file",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-sdk",
    "protobuf",
    "protovalidate",
    "psycopg",
    "psycopg-binary",
    "pyjwt",
    "cryptography",
    "sqlalchemy",
    "uuid-utils",
    "zstandard",
)
# What protos/generate.py runs on.
GENERATE = (
    "googleapis-common-protos",
    "grpcio-tools",
    "mypy-protobuf",
    "protobuf",
    "protovalidate",
)
ROOTS = {"serve": SERVE, "generate": GENERATE}

ENTRY = re.compile(r"^(?P<name>[a-z0-9-]+)(\[[^]]*\])?==", re.MULTILINE)
ASKED_BY = re.compile(r"^ +# +(?:via +)?(?P<name>[a-z0-9-]+)$", re.MULTILINE)


def entries(lock: str) -> dict[str, str]:
    """Return the text of each package by its name; one with a version per Python has them all."""
    starts = list(ENTRY.finditer(lock))
    ends = [entry.start() for entry in starts[1:]] + [len(lock)]
    found: dict[str, str] = {}
    for entry, end in zip(starts, ends, strict=True):
        found[entry["name"]] = found.get(entry["name"], "") + lock[entry.start() : end]
    return found


def closure(lock: str, roots: tuple[str, ...]) -> list[str]:
    """Return the names of the roots and of all they stand on, sorted.

    Errors: SystemExit naming a root that the lock does not have.
    """
    known = entries(lock)
    missing = sorted(set(roots) - set(known))
    if missing:
        sys.exit(f"not in the lock: {', '.join(missing)}")
    asked_by = {name: set(ASKED_BY.findall(text)) for name, text in known.items()}
    wanted = set(roots)
    while more := {name for name in known if asked_by[name] & wanted} - wanted:
        wanted |= more
    return sorted(wanted)


def main(words: list[str]) -> None:
    """Print the entries."""
    lock = Path(words[0]).read_text(encoding="utf-8")
    known = entries(lock)
    sys.stdout.write("".join(known[name] for name in closure(lock, ROOTS[words[1]])))


if __name__ == "__main__":
    main(sys.argv[1:])
