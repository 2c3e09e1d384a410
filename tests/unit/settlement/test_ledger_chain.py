"""The chain of blocks: the first break is named, whatever was changed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from settlement.ledger.blocks import Block, Checked, Damage, verdict

AT = datetime(2026, 3, 2, tzinfo=UTC)


def a_chain(length: int = 4) -> list[Checked]:
    blocks = [
        Block(
            block_number=number,
            first_sequence=number * 10 - 9,
            last_sequence=number * 10,
            transfer_count=9,
            previous_hash=b"" if number == 1 else bytes([number - 1]),
            hash=bytes([number]),
            seal_time=AT,
        )
        for number in range(1, length + 1)
    ]
    return [Checked(block, count=9, hash=block.hash) for block in blocks]


def test_a_whole_chain_has_no_break() -> None:
    chain = a_chain()

    found = verdict(None, chain, limit=10)

    assert (found.last, found.checked_count) == (chain[-1].block, 4)
    assert (found.broken, found.following) == (None, None)


def test_a_part_of_the_chain_says_where_to_go_on() -> None:
    chain = a_chain()

    first = verdict(None, chain[:2], limit=2)
    rest = verdict(first.last, chain[2:], limit=3)

    assert (first.following, rest.following, rest.broken) == (3, None, None)


@pytest.mark.parametrize(
    ("changed", "damage"),
    [
        ({"count": 8}, Damage.COUNT),
        ({"hash": b"?"}, Damage.CONTENT),
    ],
)
def test_the_first_block_whose_transfers_changed_is_named(
    changed: dict[str, object], damage: Damage
) -> None:
    chain = a_chain()
    chain[2] = replace(chain[2], **changed)  # type: ignore[arg-type]

    found = verdict(None, chain, limit=10)

    assert found.broken is not None
    assert (found.broken.block.block_number, found.broken.damage) == (3, damage)
    assert (found.checked_count, found.following) == (2, None)


@pytest.mark.parametrize(
    "changed", [{"previous_hash": b"?"}, {"first_sequence": 22}, {"block_number": 5}]
)
def test_a_block_that_does_not_follow_the_one_before_breaks_the_chain(
    changed: dict[str, object],
) -> None:
    chain = a_chain()
    chain[2] = replace(chain[2], block=replace(chain[2].block, **changed))  # type: ignore[arg-type]

    found = verdict(None, chain, limit=10)

    assert found.broken is not None
    assert found.broken.damage is Damage.LINK


def test_a_chain_without_its_first_block_is_broken() -> None:
    found = verdict(None, a_chain()[1:], limit=10)

    assert found.broken is not None
    assert (found.broken.block.block_number, found.broken.damage) == (2, Damage.LINK)
