"""The best reader of a log that we can write by hand: `python -m tests.bench.servers.bare_reader
PORT LOG_ADDRESS EFFECT_ADDRESS`.

It reads the owner's table directly with one prepared statement, applies a page with one `unnest`
and moves its cursor in the same transaction. No contract, no scope, no parking, no trace, no
protection against a second reader.
"""

import signal
import socket
import sys
import threading

import psycopg

from tests.bench.machine import pin_self

PAGE = 200
POLL_S = 0.005
READ = """
SELECT p.position, e.event_id, e.payload FROM event_position p JOIN event e ON e.id = p.id
WHERE p.position > %s ORDER BY p.position LIMIT %s
"""
APPLY = """
INSERT INTO bench_effect (event_id, unit_id)
SELECT * FROM unnest(%s::uuid[], %s::text[])
"""
MOVE = "UPDATE bench_cursor SET position = %s"


def follow(log: psycopg.Connection, effects: psycopg.Connection, stop: threading.Event) -> None:
    """Apply what comes until told to stop."""
    from mantle.type.v1.org_unit_pb2 import OrgUnitChanged  # noqa: PLC0415  # after the pin

    row = effects.execute("SELECT position FROM bench_cursor").fetchone()
    position = row[0] if row else 0
    while not stop.is_set():
        found = log.execute(READ, [position, PAGE]).fetchall()
        if not found:
            stop.wait(POLL_S)
            continue
        position = found[-1][0]
        units = [OrgUnitChanged.FromString(payload).unit_id for _, _, payload in found]
        with effects.transaction():
            effects.execute(APPLY, [[event_id for _, event_id, _ in found], units])
            effects.execute(MOVE, [position])


def main(words: list[str]) -> None:
    """Follow the log until SIGTERM; the port only tells that it has begun."""
    pin_self()
    port, log_url, effect_url = words
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with (
        psycopg.connect(log_url, autocommit=True, prepare_threshold=0) as log,
        psycopg.connect(effect_url, autocommit=True, prepare_threshold=0) as effects,
        socket.create_server(("127.0.0.1", int(port))),
    ):
        follow(log, effects, stop)


if __name__ == "__main__":
    main(sys.argv[1:])
