"""What no linter knows: rules about the tree as a whole."""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support import requirements

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES_MAX = 400
BUSINESS_WORD = re.compile(
    r"\b(campaign|partner|distributor|rebate|commission|customer|touchpoint|invoice|forecast)s?\b",
    re.IGNORECASE,
)
VAGUE_NAMES = {"utils", "helpers", "common", "base", "manager", "data", "info"}
LOOSE_PROMISE = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(issue \d+\):)")
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|^build/")
# Written in pieces, so that this file does not find itself.
PLACE_OF_ONE_MACHINE = re.compile(
    "|".join(
        [
            r"pypi\.(org|python)",
            r"python" + r"hosted\.",
            r"npm" + r"js\.(org|com)",
            r"deb\.debian\.org",
            r"(?<![\w.}-])/(work|root|home|Users|opt/pypi|opt/wheels)" + r"/",
        ]
    )
)


def test_a_module_has_one_subject_and_at_most_400_lines() -> None:
    lengths = {path: len(read(path).splitlines()) for path in python_files("services/")}

    assert {path: n for path, n in lengths.items() if n > MODULE_LINES_MAX} == {}


def test_a_module_is_named_for_what_is_in_it() -> None:
    paths = [Path(path) for path in python_files("services/")]

    assert [path for path in paths if VAGUE_NAMES & {path.stem, path.parent.name}] == []


def test_the_chassis_has_no_business_word() -> None:
    assert list(lines_with(BUSINESS_WORD, python_files("services/chassis/"))) == []


def test_no_test_sleeps() -> None:
    assert [place for path in python_files("tests/") for place in sleeps(path)] == []


@pytest.mark.parametrize(
    "source", ["import time\ntime.sleep(1)", "from time import sleep\nsleep(1)"]
)
def test_a_sleep_is_found_however_it_is_imported(source: str) -> None:
    assert list(calls_to_sleep(ast.parse(source))) != []


def test_a_promise_names_its_issue() -> None:
    assert list(lines_with(LOOSE_PROMISE, [p for p in files() if not is_me(p)])) == []


def test_no_generated_code_is_committed() -> None:
    assert [path for path in files() if GENERATED.search(path)] == []


def test_no_file_names_an_index_or_a_place_of_one_machine() -> None:
    assert list(lines_with(PLACE_OF_ONE_MACHINE, files())) == []


def test_a_test_accepts_only_requirements_that_exist() -> None:
    accepted = set(requirements.tests_by_requirement())

    assert accepted - set(requirements.requirement_ids()) == set()


def files() -> list[str]:
    """Return the paths of what is committed, or would be by adding everything."""
    command = "git -c safe.directory=* ls-files -z --cached --others --exclude-standard"
    done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.split("\0") if path and (ROOT / path).is_file()]


def python_files(folder: str) -> list[str]:
    return [path for path in files() if path.startswith(folder) and path.endswith(".py")]


def is_me(path: str) -> bool:
    return ROOT / path == Path(__file__)


def read(path: str) -> str:
    # A file that is not text has nothing to read here.
    return (ROOT / path).read_bytes().decode(errors="ignore")


def lines_with(pattern: re.Pattern[str], paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        for number, line in enumerate(read(path).splitlines(), 1):
            if pattern.search(line):
                yield f"{path}:{number}: {line.strip()[:120]}"


def sleeps(path: str) -> Iterator[str]:
    for line in calls_to_sleep(ast.parse(read(path), path)):
        yield f"{path}:{line}"


def calls_to_sleep(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="sleep") | ast.Attribute(attr="sleep")):
                yield node.lineno
