"""The machine of a bench: who runs on which core, what a process has used, what it all is."""

import os
import platform
import re
import time
from collections.abc import Iterable
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
CORE_VARIABLE = "MANTLE_BENCH_CORE"
PAIR = 2


def service_core() -> str:
    """Return the core of the measured process, or "" where there is only one."""
    return str(CORES[0]) if len(CORES) >= PAIR else ""


def client_core() -> str:
    """Return the core of clients and stand-ins, or "" where there is only one."""
    return str(CORES[-1]) if len(CORES) >= PAIR else ""


def pin_self(core: str | None = None) -> None:
    """Keep this process on a core, by default on the one that its starter named.

    Shape: to be called before threads exist, because a thread inherits the core of its maker.
    """
    core = os.environ.get(CORE_VARIABLE, "") if core is None else core
    if core:
        os.sched_setaffinity(0, {int(core)})


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU seconds that processes have used, all threads of each; an ended one counts
    nothing.

    Source: the kernel's clock of a process, in nanoseconds, where /proc counts in ticks of 10 ms.
    """
    total = 0.0
    for pid in pids:
        try:
            total += time.clock_gettime((~pid << 3) | 2)
        except OSError:
            continue
    return total


def backends(postmaster: int, databases: Iterable[str]) -> list[int]:
    """Return the processes of a PostgreSQL server that serve some databases."""
    wanted = set(databases)
    return [
        pid
        for pid in children(postmaster)
        if len(words := _title(pid)) > PAIR and words[0] == "postgres:" and words[2] in wanted
    ]


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


def describe() -> str:
    """Return the machine in one line."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))
    gigabytes = int(memory.group(1)) // 2**20 if memory else 0
    name = model.group(1).strip() if model else platform.machine()
    return (
        f"{len(CORES)} cores of {name}, {gigabytes} GB, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )


def _title(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split()
    except OSError:
        return []
