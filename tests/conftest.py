"""What every test can ask for, and in which order tests run."""

from itertools import groupby
from operator import attrgetter

import pytest
from hypothesis import settings

from tests.support.postgres import database_for, shared_postgres
from tests.support.server import token_issuer, world

__all__ = ["database_for", "shared_postgres", "token_issuer", "world"]

# What takes longest comes first, so that several workers end together.
LONG = (
    "tests/integration/test_hostile_input.py",
    "tests/e2e/test_faults_short.py",
    "tests/integration/test_every_write.py",
    "tests/e2e/test_campaign.py",
    "tests/e2e/test_traces.py",
    "tests/e2e/test_planning.py",
    "tests/e2e/test_trade.py",
    "tests/integration/test_trade_scenarios.py",
    "tests/integration/test_planning_posts.py",
    "tests/integration/test_planning_annual_plan.py",
    "tests/integration/test_planning_profit.py",
    "tests/integration/test_planning_adjustment.py",
    "tests/integration/test_planning_rolling_plan.py",
    "tests/integration/test_overload.py",
)

# A busy machine must not turn a slow example into a failure; pytest's own limit of time holds.
# Every run has the same examples, so that none fails by chance; others are looked for with
# `--hypothesis-profile=default`.
settings.register_profile("mantle", deadline=None, derandomize=True)
settings.load_profile("mantle")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, and in each file the tests that have a place of their own."""
    files = [list(group) for _, group in groupby(items, key=attrgetter("path"))]
    files.sort(key=lambda group: place_of_file(group[0]))
    for group in files:
        group.sort(key=place_in_file)
    items[:] = [item for group in files for item in group]


def place_of_file(item: pytest.Item) -> int:
    """Return the place of a test's file among the long ones; behind them all others are equal."""
    file = item.nodeid.partition("::")[0]
    return LONG.index(file) if file in LONG else len(LONG)


def place_in_file(item: pytest.Item) -> int:
    """Return the place that a test asks for in its file; 0 is among those that ask for none."""
    marker = item.get_closest_marker("place")
    return marker.args[0] if marker else 0
