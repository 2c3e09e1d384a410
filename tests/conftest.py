"""What every test can ask for, and in which order and company tests run."""

from itertools import groupby
from operator import attrgetter

import pytest
from hypothesis import settings

from chassis.rpc.methods import Method
from tests.support.examples import host_of
from tests.support.postgres import database_for, shared_postgres
from tests.support.server import token_issuer, world

__all__ = ["database_for", "shared_postgres", "token_issuer", "world"]

# What takes longest comes first, so that several workers end together.
LONG = (
    "tests/integration/test_hostile_input.py",
    "tests/e2e/test_faults_short.py",
    "tests/integration/test_every_write.py",
    "tests/unit/chassis/process/test_process_properties.py",
    "tests/e2e/test_campaign.py",
    "tests/e2e/test_traces.py",
    "tests/e2e/test_planning.py",
    "tests/e2e/test_trade.py",
    "tests/unit/planning/test_cube_exact.py",
    "tests/integration/test_planning_annual_plan.py",
    "tests/integration/test_planning_profit.py",
    "tests/integration/test_planning_adjustment.py",
    "tests/integration/test_planning_rolling_plan.py",
    "tests/integration/test_overload.py",
)

# They look at what one run of the demo left.
ONE_DEMO = ("tests/e2e/test_campaign.py", "tests/e2e/test_traces.py", "tests/e2e/test_planning.py")

# A busy machine must not turn a slow example into a failure; pytest's own limit of time holds.
settings.register_profile("mantle", deadline=None)
settings.load_profile("mantle")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Name the tests that one worker runs, because they share what is dear to make."""
    item.add_marker(pytest.mark.xdist_group(company_of(item)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, and in each file what is marked so."""
    files = [list(group) for _, group in groupby(items, key=attrgetter("path"))]
    files.sort(key=lambda group: place_of(group[0]))
    for group in files:
        group.sort(key=lambda item: item.get_closest_marker("first") is None)
        # What closes months and years would leave the other trials nothing to order.
        group.sort(key=lambda item: item.name.endswith(("month's end]", "year's end]")))
    items[:] = [item for group in files for item in group]


def company_of(item: pytest.Item) -> str:
    """Return the file of a test; where a file goes through all RPCs, with the service it asks."""
    file = file_of(item)
    if file in ONE_DEMO:
        return ONE_DEMO[0]
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    for method in parameters:
        if isinstance(method, Method) and file in LONG:
            return f"{file}-{host_of(method)}"
    return file


def place_of(item: pytest.Item) -> int:
    """Return the place of a test's file among the long ones; behind them all others are equal."""
    file = file_of(item)
    return LONG.index(file) if file in LONG else len(LONG)


def file_of(item: pytest.Item) -> str:
    """Return the path of a test's file as pytest prints it."""
    return item.nodeid.partition("::")[0]
