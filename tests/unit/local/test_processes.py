"""Recorded processes: ours are ended, strangers with the same pid never."""

import dataclasses
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ports, processes

SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER


def start(program: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.communicate()


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    child = start(SLEEPER)
    yield child
    end(child)


def test_a_running_process_is_alive_until_it_is_stopped(child: subprocess.Popen[bytes]) -> None:
    known = processes.record("child", child.pid)
    assert known is not None

    assert processes.is_alive(known)
    assert processes.stop([known]) == []
    assert not processes.is_alive(known)


def test_a_stranger_with_the_same_pid_is_left_alone(child: subprocess.Popen[bytes]) -> None:
    known = processes.record("child", child.pid)
    assert known is not None
    stranger = dataclasses.replace(known, start_time_s=known.start_time_s - 60)
    processes.stop([stranger])

    assert child.poll() is None
    assert not processes.is_alive(stranger)


def test_a_process_that_does_not_listen_is_killed_and_named() -> None:
    child = start(STUBBORN)
    known = processes.record("child", child.pid)
    assert known is not None
    stubborn = processes.stop([known], ((signal.SIGTERM, 0.05), (signal.SIGKILL, 5.0)))
    end(child)

    assert stubborn == [known]
    assert child.returncode == -signal.SIGKILL


def test_records_come_back_from_their_file(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    known = processes.record("child", child.pid)
    assert known is not None
    processes.save(tmp_path / "processes.json", [known])

    assert processes.load(tmp_path / "processes.json") == [known]


@pytest.mark.parametrize("content", ["", "{}x", '[{"pid": 1}]'])
def test_a_damaged_file_of_records_holds_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "processes.json"
    path.write_text(content)

    assert processes.load(path) == []
    assert processes.load(tmp_path / "missing.json") == []


def test_a_port_that_someone_listens_on_is_not_chosen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]

        assert not ports.is_free(taken)
        assert ports.choose(taken) != taken


def test_a_free_port_is_chosen_unless_it_is_promised() -> None:
    free = ports.choose()

    assert ports.choose(free) == free
    assert ports.choose(free, without=[free]) != free
