"""What is measured is listed before it is used, and what is listed is used."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.telemetry import ATTRIBUTES
from tests.support.examples import ROOT, all_methods
from tests.support.mechanisms import approve, create, draft, walls
from tests.support.server import Refused, World
from tests.support.waiting import until

__all__ = ["walls"]

SETTERS = {"annotate", "set_attribute"}
ID_RULE = re.compile(r"mantle\.[a-z_]+\.id")
OURS = re.compile(r"mantle(\.[a-z][a-z0-9_]*)+")
# What a client's or a database's span has by the conventions of OpenTelemetry.
STANDARD = ("rpc.", "db.", "server.", "error.")


def test_an_attribute_is_listed_before_it_is_used() -> None:
    assert [place for place, name in used() if name not in ATTRIBUTES] == []


def test_an_attribute_that_is_listed_is_used_somewhere() -> None:
    texts = {text for path in sources() for text in texts_of(path)}

    assert ATTRIBUTES.keys() - texts == set()


def test_a_span_has_listed_attributes_and_ids_alone(walls: World) -> None:
    approve(walls, create(walls).policy_id)
    walls.settle()
    with pytest.raises(Refused):
        walls.call(draft(), role="partner", service="planning")

    until(lambda: "mantle.event.type" in attribute_names(walls), "the span of the effect")
    names = attribute_names(walls)
    assert {name for name in names - ATTRIBUTES.keys() if not ID_RULE.fullmatch(name)} == set()


def attribute_names(walls: World) -> set[str]:
    return {one["key"] for span in walls.spans() for one in span.get("attributes", [])}


def test_our_own_attributes_have_our_own_name() -> None:
    ours = [name for name in ATTRIBUTES if not name.startswith(STANDARD)]

    assert [name for name in ours if not OURS.fullmatch(name)] == []
    # They come from the fields of requests, by rule.
    assert [name for name in ours if ID_RULE.fullmatch(name)] == []


def test_an_id_of_a_request_is_no_personal_name() -> None:
    """Every text field of a request that ends in `_id` becomes an attribute of the span."""
    ids = {
        field.full_name
        for method in all_methods()
        for field in method.request.DESCRIPTOR.fields
        if field.name.endswith("_id")
    }

    assert [name for name in ids if re.search(r"(phone|name|mail|card)_id$", name)] == []


def sources() -> Iterator[Path]:
    for path in sorted((ROOT / "services").rglob("*.py")):
        if "local" not in path.relative_to(ROOT / "services").parts[:1]:
            yield path


def used() -> Iterator[tuple[str, str]]:
    """Return place and name of every attribute that the code sets by a constant name."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr=setter) | ast.Name(id=setter),
                    args=[ast.Constant(value=str() as name), *_],
                ) if setter in SETTERS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {name}", name


def texts_of(path: Path) -> Iterator[str]:
    """Return the texts of a module, without those of the registry itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id="ATTRIBUTES")]):
                registry = {id(one) for one in ast.walk(node)}
                break
    else:
        registry = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from () if id(node) in registry else (node.value,)
