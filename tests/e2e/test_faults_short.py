"""The short form of the fault trials: every part of the running platform is broken once.

The long form, the planted faults and the seeds are in docs/reliability.md: `./run faults`.
"""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults.stage import staged
from tests.faults.suite import opened, short_form
from tests.faults.trials import Bench
from tests.support.requirements import req

SEED = 20_260_302
TRIALS = short_form()
# After a month's end its days take no orders, and after a year's end its months.
ENDS = {"month's end": 1, "year's end": 2}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Give the trials one platform with orders in flight; each leaves it whole and at rest."""
    with staged("e2e") as stage:
        yield opened(stage, seed=SEED, quick=True)


@req("R-311")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.place(ENDS.get(name, 0))) for name in TRIALS]
)
def test_nothing_is_lost_and_nothing_doubled(bench: Bench, name: str) -> None:
    found = bench.trial(name, partial(TRIALS[name], bench))

    assert [str(one) for one in found.violations] == []
