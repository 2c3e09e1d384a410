"""Every write of settlement, arranged through the real services, answers OK."""

import pytest

from chassis.rpc.methods import Method
from tests.support.examples import example_of, home_of, writes
from tests.support.requirements import req
from tests.support.server import World

OWN = [method for method in writes() if home_of(method) == "settlement"]


@req("R-093")
@pytest.mark.parametrize("method", OWN, ids=lambda method: method.short)
def test_a_write_that_is_sent_twice_has_one_effect_and_one_reply(
    world: World, method: Method
) -> None:
    example = example_of(world, method)

    replies = [
        world.call(example.request, role=example.role, unit_id=example.unit_id) for _ in range(2)
    ]

    assert replies[0] == replies[1]
