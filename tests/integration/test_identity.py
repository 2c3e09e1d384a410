"""Who calls and for whom, also where names are not ASCII and keys are just being changed."""

import os
from pathlib import Path

import pytest
from mantle.channels.v1.order_pb2 import OrderCheck

from chassis.errors import Unauthenticated
from chassis.rpc import access
from chassis.rpc.access import Tokens
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels import a_product, order_of

__all__ = ["shop"]

LATER_S = 4_000_000_000


def test_a_person_whose_name_is_not_ascii_stands_behind_a_service_call(shop: Shop) -> None:
    request = order_of(shop.rich_partner(), a_product(shop.world))

    order = shop.world.call(request, role="sales_administration", subject="张三").order

    assert [move.moved_by for move in order.moves][0] == "张三"
    assert [check.passed for check in order.checks if check.kind == OrderCheck.KIND_CREDIT] == [
        True
    ]


def test_keys_that_are_half_written_leave_the_old_ones_in_force(
    token_issuer: TokenIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(token_issuer.keys_file.read_text())
    tokens = Tokens(str(keys), issuer=ISSUER, audience=AUDIENCE)
    token = f"Bearer {token_issuer.mint('someone', ['finance'], unit_id='hq')}"
    monkeypatch.setattr(access, "KEYS_CHECK_S", -1.0)

    keys.write_text('{"keys": [')
    during = tokens.caller(token)
    stranger = TokenIssuer(tmp_path / "stranger")
    stranger.prepare()
    keys.write_text(stranger.keys_file.read_text())
    # Where the clock of files is coarse, three writes may fall on one of its ticks.
    os.utime(keys, (LATER_S, LATER_S))

    assert during.subject == "someone"
    with pytest.raises(Unauthenticated):
        tokens.caller(token)
