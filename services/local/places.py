"""Where the local platform keeps its things: one directory, one name each."""

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DIRECTORY = REPOSITORY / "build" / "local"


@dataclass(frozen=True, slots=True)
class Places:
    """Name every file and folder of one platform.

    Shape: everything lies below `directory`; PostgreSQL's data may lie elsewhere
        (`local.binaries`).
    """

    directory: Path = DIRECTORY

    @property
    def postgres(self) -> Path:
        """Return the folder of the database server."""
        return self.directory / "postgres"

    @property
    def logs(self) -> Path:
        """Return the folder of the logs, one file a process."""
        return self.directory / "logs"

    @property
    def keys(self) -> Path:
        """Return the folder of the signing key and the public keys."""
        return self.directory / "keys"

    @property
    def tokens(self) -> Path:
        """Return the folder of the tokens, one file a role and one a service."""
        return self.directory / "tokens"

    @property
    def telemetry(self) -> Path:
        """Return the folder of the traces, one file of JSON lines a process."""
        return self.directory / "telemetry"

    @property
    def clock(self) -> Path:
        """Return the file that holds the business time of all four services."""
        return self.directory / "clock.json"

    @property
    def ports(self) -> Path:
        """Return the file that remembers the services' ports."""
        return self.directory / "ports.json"

    @property
    def processes(self) -> Path:
        """Return the file that remembers what was started."""
        return self.directory / "processes.json"

    @property
    def holder(self) -> Path:
        """Return the file that names the process which runs the platform."""
        return self.directory / "holder.json"

    @property
    def lock(self) -> Path:
        """Return the file whose lock the running platform holds."""
        return self.directory / "lock"

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.logs / f"{name}.log"
