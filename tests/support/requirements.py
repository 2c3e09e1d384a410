"""Which requirement has which test: `@req("R-041")` marks one, `./run requirements` lists them."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
CATALOGUE = TESTS / "requirements.txt"
ID = re.compile(r"R-\d{3}")


def req(*ids: str) -> pytest.MarkDecorator:
    """Say which requirements a test accepts.

    Shape: ids as in the catalogue, `R-041`; a test may accept several ids.
    """
    wrong = [id_ for id_ in ids if not ID.fullmatch(id_)]
    if wrong or not ids:
        raise ValueError(f"requirement ids look like R-041, not {wrong or 'nothing'}")
    return pytest.mark.req(*ids)


def requirement_ids() -> list[str]:
    """Return every requirement of the catalogue, in its order."""
    return CATALOGUE.read_text().split()


def tests_by_requirement() -> Mapping[str, list[str]]:
    """Find the tests of each requirement without importing one of them.

    Shape: id → pytest node ids, sorted; an id without a test is missing.
    """
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        file = path.relative_to(TESTS.parent).as_posix()
        for name, id_ in _marks(ast.parse(path.read_text(), file)):
            found[id_].append(f"{file}::{name}" if name else file)
    return found


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (name of the test, id); the name is empty for a mark of the whole module."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                yield from (("", id_) for id_ in _ids(value))
            case ast.FunctionDef():
                yield from _marks_of(node)
            case ast.ClassDef():
                yield from _marks_of(node)
                methods = (inner for inner in node.body if isinstance(inner, ast.FunctionDef))
                for method in methods:
                    yield from ((f"{node.name}::{name}", id_) for name, id_ in _marks_of(method))


def _marks_of(node: ast.FunctionDef | ast.ClassDef) -> Iterator[tuple[str, str]]:
    for decorator in node.decorator_list:
        yield from ((node.name, id_) for id_ in _ids(decorator))


def _ids(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        match node:
            case ast.Call(func=ast.Name(id="req"), args=arguments):
                yield from (str(arg.value) for arg in arguments if isinstance(arg, ast.Constant))


def main() -> int:
    """Print each requirement with its tests, then those without one."""
    wanted, tests = requirement_ids(), tests_by_requirement()
    for id_ in wanted:
        for test in tests.get(id_, []):
            print(f"{id_}  {test}")
    missing = [id_ for id_ in wanted if id_ not in tests]
    print(f"\n{len(wanted) - len(missing)} of {len(wanted)} requirements have a test")
    if missing:
        print("without: " + " ".join(missing))
    unknown = sorted(set(tests) - set(wanted))
    if unknown:
        print("not in the catalogue: " + " ".join(unknown))
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
