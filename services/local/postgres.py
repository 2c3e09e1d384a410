"""One PostgreSQL server of this machine: made once, started and stopped at will.

It listens on the loopback interface alone, with passwords that nobody chose, and keeps its data
between starts. As root it runs as `nobody` (`local.binaries`). Deliberately absent: Unix sockets,
whose paths are too short for deep directories, and every setting that a production server would
have otherwise, except where `durable` is false.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from local import binaries, databases, errors, ports, processes
from local.databases import ServiceDatabase
from local.private import write_private

SUPERUSER = "postgres"
START_WAIT_S = 30.0
START_POLL_S = 0.01
INIT_WAIT_S = 120.0
CONNECT_WAIT_S = 5
CONNECTIONS_MAX = 300
STATUS_LINE = 7
# A fast shutdown first, which ends sessions and writes a checkpoint; then one that recovers at the
# next start.
STOP_STEPS = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 2.0))

SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    f"max_connections={CONNECTIONS_MAX}",
    "shared_buffers=256MB",
    "shared_preload_libraries=pg_stat_statements",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %q%u@%d %a ",
)
# For tests, whose data may be lost with the machine: no wait for the disk, and less to write.
THROW_AWAY_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    # Logins are half of what a short test costs; the passwords are nobody's choice, so that hashing
    # them often hides nothing.
    "scram_iterations=1",
)


class EmbeddedPostgres:
    """Run one server whose data lies in a directory.

    Shape: `directory` holds the log and, when root's `nobody` can reach it, the data. One object at
        a time may use a directory; the caller holds whatever lock that needs.
    Units: `port` is wanted exactly when given; otherwise a free one is taken and kept as long as it
        stays free.
    """

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = True,
        port: int | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepare; nothing is written or started yet."""
        self._directory = directory
        self._durable = durable
        self._wanted_port = port
        self._log = log or directory / "postgres.log"
        self._account = binaries.account()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and return when it accepts connections; make its data when missing.

        Errors: BinariesMissing, PortTaken, DiskFull, PlaceForbidden, PostgresFailed.
        """
        try:
            if self.is_running():
                return
            programs = binaries.locate(self._account)
            self._prepare(programs)
            self._remember(port=self._choose_port())
            self._launch(programs)
            self._close_to_everybody()
        except OSError as error:
            raise errors.of_system(error, self._directory) from error

    def stop(self) -> None:
        """End the server, politely first; it is gone when this returns."""
        self._end(STOP_STEPS)

    def kill(self) -> None:
        """End the server as a power cut would, for tests of recovery."""
        self._end(((signal.SIGKILL, 5.0),))

    def detach(self) -> None:
        """Leave the server running when this process ends; another one will stop it."""
        if self._process is not None:
            # Otherwise Python warns that the child was not waited for.
            self._process.returncode = 0
            self._process = None

    def is_running(self) -> bool:
        """Tell whether a server runs on this very data directory, whoever started it."""
        return self._record() is not None

    def destroy(self) -> None:
        """End the server and remove everything of it, data and passwords included."""
        self.stop()
        for place in {self.home, self._directory}:
            shutil.rmtree(place, ignore_errors=True)

    @property
    def port(self) -> int:
        """Return the port of the last start."""
        return int(self._state()["port"])

    @property
    def home(self) -> Path:
        """Return the directory of data and passwords, perhaps a substitute of the given one."""
        return binaries.reachable(self._directory, self._account)

    @property
    def data(self) -> Path:
        """Return PostgreSQL's own directory."""
        return self.home / "data"

    def superuser_url(self, database: str = "postgres") -> str:
        """Return a SQLAlchemy URL with every right, for diagnosis and tests."""
        return self._url(SUPERUSER, database)

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection]:
        """Open a superuser's connection in autocommit to the database `postgres`."""
        with psycopg.connect(
            host=ports.LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self._password(SUPERUSER),
            dbname="postgres",
            autocommit=True,
            connect_timeout=CONNECT_WAIT_S,
        ) as connection:
            yield connection

    def create_service_database(self, service: str) -> ServiceDatabase:
        """Make what is missing of a service's roles and database, and return how to reach it."""
        self.create_roles(service)
        with self.admin() as connection:
            if databases.exists(connection, service):
                databases.restrict(connection, service, service=service)
            else:
                databases.drop(connection, service)
                databases.create(connection, service, service=service)
        return self.service_database(service)

    def create_roles(self, service: str) -> None:
        """Make the roles `<service>_owner` and `<service>_app`, with passwords that last."""
        with self.admin() as connection:
            for kind in (databases.OWNER, databases.APP):
                name = databases.role_name(service, kind)
                databases.ensure_role(connection, name, self._password(name))

    def service_database(self, service: str, *, name: str | None = None) -> ServiceDatabase:
        """Return how to reach a service's database; `name` names a clone of it."""
        owner, app = (
            databases.role_name(service, kind) for kind in (databases.OWNER, databases.APP)
        )
        database = name or service
        return ServiceDatabase(database, self._url(owner, database), self._url(app, database))

    def clone_database(self, service: str, *, template: str, name: str) -> ServiceDatabase:
        """Copy a template into a new database of the same service, closed to every other role."""
        with self.admin() as connection:
            databases.create(connection, name, service=service, template=template)
        return self.service_database(service, name=name)

    def _prepare(self, programs: Path) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(programs)
        elif SUPERUSER not in self._state()["passwords"]:
            raise errors.LocalError(
                f"the passwords of the data in {self.data} are lost; `./run reset` starts anew"
            )

    def _initialise(self, programs: Path) -> None:
        """Make the data beside its place and move it there, so that half of it is never used."""
        fresh, password_file = self.home / "data.new", self.home / "superuser"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        write_private(password_file, self._password(SUPERUSER) + "\n")
        for path in (fresh, password_file):
            if self._account is not None:
                os.chown(path, self._account.uid, self._account.gid)
        command = [
            *(str(programs / "initdb"), "-D", str(fresh), "-U", SUPERUSER, "--no-sync"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        try:
            done = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=INIT_WAIT_S,
                check=False,
                **self._surroundings(),
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            output = done.stdout.decode(errors="replace")
            raise errors.of_postgres(output, doing="making its data", place=fresh, port=0)
        fresh.rename(self.data)

    def _choose_port(self) -> int:
        if self._wanted_port is None:
            return ports.choose(self._state().get("port"))
        if not ports.is_free(self._wanted_port):
            raise errors.PortTaken(self._wanted_port, "PostgreSQL")
        return self._wanted_port

    def _launch(self, programs: Path) -> None:
        """Start the server, again while the remains of a killed one still end themselves."""
        deadline = time.monotonic() + START_WAIT_S
        while True:
            output = self._try_launch(programs, deadline)
            if output is None:
                return
            if "is still in use" not in output or time.monotonic() > deadline:
                raise errors.of_postgres(output, doing="starting", place=self.data, port=self.port)

    def _try_launch(self, programs: Path, deadline: float) -> str | None:
        """Start the server once; return None when ready, else what it wrote before it ended."""
        self._clear_stale_pid_file()
        settings = SETTINGS if self._durable else SETTINGS + THROW_AWAY_SETTINGS
        command = [str(programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for setting in settings:
            command += ["-c", setting]
        with open(self._log, "ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._surroundings(),
            )
        while self._process.poll() is None:
            if self._is_ready(self._process.pid):
                return None
            if time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                break
            time.sleep(START_POLL_S)
        return self._log.read_bytes()[begin:].decode(errors="replace")

    def _is_ready(self, pid: int) -> bool:
        lines = errors.read_text(self.data / "postmaster.pid").splitlines()
        # The file of a crashed server may still lie there and say ready, so the pid must be the new
        # one's.
        return (
            len(lines) > STATUS_LINE
            and lines[0].strip() == str(pid)
            and lines[STATUS_LINE].strip() == "ready"
        )

    def _end(self, steps: Sequence[tuple[signal.Signals, float]]) -> None:
        running = self._record()
        if running is not None:
            processes.stop([running], steps)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _clear_stale_pid_file(self) -> None:
        """Remove the file when a stranger has its pid, whom PostgreSQL would take for a server.

        A file whose process is gone stays: PostgreSQL needs it to see whether sessions of the old
        server still run.
        """
        if self._pid() is not None and not self.is_running():
            stranger = processes.record("stranger", self._pid() or 0)
            if stranger is not None:
                (self.data / "postmaster.pid").unlink()

    def _pid(self) -> int | None:
        first = errors.read_text(self.data / "postmaster.pid").partition("\n")[0]
        return int(first) if first.strip().isdigit() else None

    def _record(self) -> processes.ProcessRecord | None:
        pid = self._pid()
        # Only the postmaster has the data directory among its words; its children rename
        # themselves.
        if pid is None or str(self.data) not in processes.command_line(pid):
            return None
        known = processes.record("postgres", pid)
        return known if known is not None and processes.is_alive(known) else None

    def _close_to_everybody(self) -> None:
        with self.admin() as connection:
            for name in ("postgres", "template1"):
                databases.restrict(connection, name, service=None)
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def _surroundings(self) -> dict[str, Any]:
        """Return what a child gets: a plain environment, a directory it can enter, its user."""
        known: Mapping[str, str] = os.environ
        environment = {"PATH": known.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        who: dict[str, Any] = {"cwd": self.home, "env": environment}
        if self._account is not None:
            who |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return who

    def _url(self, user: str, database: str) -> str:
        return databases.url(
            user=user, password=self._password(user), port=self.port, database=database
        )

    def _password(self, role: str) -> str:
        """Return a role's password, making one at the first question."""
        known: dict[str, str] = self._state()["passwords"]
        if role not in known:
            known[role] = secrets.token_urlsafe(24)
            self._remember(passwords=known)
        return known[role]

    def _state(self) -> dict[str, Any]:
        with suppress(FileNotFoundError):
            state: dict[str, Any] = json.loads((self.home / "state.json").read_bytes())
            return state
        return {"passwords": {}}

    def _remember(self, **changes: object) -> None:
        write_private(self.home / "state.json", json.dumps(self._state() | changes))
