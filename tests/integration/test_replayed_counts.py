"""A fact that is applied again, as after a cursor was set back, is not counted again."""

import pytest
from google.protobuf.message import Message
from mantle.crm.v1 import events_pb2 as crm
from mantle.crm.v1 import offer_pb2

from chassis.ids import new_id
from tests.support.replayed import apply
from tests.support.server import World

COUNTED = [
    (
        crm.OfferAnswered(offer_id=new_id(), unit_id="hq", answer=offer_pb2.ANSWER_ACCEPT),
        "SELECT count(*) FROM success_copy",
    ),
    (
        crm.OfferShown(offer_id=new_id(), partner_id="D1"),
        "SELECT count(*) FROM opportunity_copy",
    ),
]


@pytest.mark.parametrize(("fact", "count"), COUNTED, ids=["success", "opportunity"])
def test_what_was_told_twice_counts_once(world: World, fact: Message, count: str) -> None:
    apply(world, "settlement", fact, source="crm")
    apply(world, "settlement", fact, source="crm")

    assert world.rows("settlement", count) == [(1,)]
