"""Places where a test may end the process on purpose; inert unless the environment arms one.

`MANTLE_FAULT=<service>/<what>/<seam>[#n][=stop]` ends the process at the n-th passing (default 1)
of that seam, as `kill -9` would; with `=stop` the process stands still there until somebody lets it
go on. `what` is the short name of the RPC or the event; it and the service may be `*`. Several are
separated by blanks. `MANTLE_FAULT=@<file>` reads the same from a file that may change meanwhile.
"""

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Mark = tuple[int, int, int]


@dataclass(slots=True)
class _Armed:
    """One seam that was named, and how often it still may be passed."""

    text: str
    what: str
    seam: str
    left: int
    number: signal.Signals


class Faults:
    """Know which seams are armed, and act when the process passes one of them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read what is armed for this service."""
        setting = environment.get("MANTLE_FAULT", "")
        self._service = environment.get("MANTLE_SERVICE", "")
        self._file = Path(setting[1:]) if setting.startswith("@") else None
        self._seen: Mark | None = None
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._armed = [] if self._file else self._read(setting)
        self.inert = not setting

    def passed(self, what: str, seam: str) -> None:
        """Count one passing; the last one that was allowed sends the signal."""
        with self._lock:
            self._look()
            hit = [one for one in self._armed if one.seam == seam and one.what in ("*", what)]
            for one in hit:
                one.left -= 1
                if one.left == 0:
                    os.kill(os.getpid(), one.number)

    def _look(self) -> None:
        """Read the file again when it has changed."""
        if self._file is None:
            return
        try:
            found = self._file.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if mark != self._seen:
                self._armed = self._read(self._file.read_text())
                self._seen = mark
        except FileNotFoundError:
            self._armed, self._seen = [], None

    def _read(self, text: str) -> list[_Armed]:
        """Read what is armed; what was armed before in the same words goes on counting."""
        known = {one.text: one for one in self._armed}
        armed = []
        for word in text.split():
            if word in known:
                armed.append(known[word])
                continue
            place, _, act = word.partition("=")
            path, _, count = place.partition("#")
            service, what, seam_name = path.split("/")
            if service in ("*", self._service):
                number = signal.SIGSTOP if act == "stop" else signal.SIGKILL
                armed.append(_Armed(word, what, seam_name, int(count or 1), number))
        return armed


_faults = Faults(os.environ)


def seam(what: str, name: str) -> None:
    """Pass one seam; an armed one ends the process or lets it stand still."""
    if not _faults.inert:
        _faults.passed(what, name)
