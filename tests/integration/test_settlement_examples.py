"""Every write of settlement, arranged through the real services, answers OK."""

import pytest

from tests.support import examples_settlement
from tests.support.examples import arranged
from tests.support.requirements import req
from tests.support.server import World


@req("R-093")
@pytest.mark.parametrize("name", sorted(arranged("settlement")))
def test_a_write_that_is_sent_twice_has_one_effect_and_one_reply(world: World, name: str) -> None:
    example = getattr(examples_settlement, name)(world)

    replies = [
        world.call(example.request, role=example.role, unit_id=example.unit_id) for _ in range(2)
    ]

    assert replies[0] == replies[1]
