"""The chain of blocks as values: what a block claims, what was found, where the chain breaks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Damage(StrEnum):
    """What is wrong with a block."""

    LINK = "LINK"
    COUNT = "COUNT"
    CONTENT = "CONTENT"


@dataclass(frozen=True, slots=True)
class Block:
    """Hold a block: the places it covers without a gap, how many transfers they have, its hash and
    that of the block before, which is empty for the first."""

    block_number: int
    first_sequence: int
    last_sequence: int
    transfer_count: int
    previous_hash: bytes
    hash: bytes
    seal_time: datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """Hold a block beside the count and the hash that its transfers have now."""

    block: Block
    count: int
    hash: bytes

    def damage(self, before: Block | None) -> Damage | None:
        """Say what is wrong with the block behind the one before it, or None."""
        block = self.block
        number, last, link = 0, 0, b""
        if before is not None:
            number, last, link = before.block_number, before.last_sequence, before.hash
        claimed = (block.block_number, block.first_sequence, block.previous_hash)
        if claimed != (number + 1, last + 1, link):
            return Damage.LINK
        if self.count != block.transfer_count:
            return Damage.COUNT
        return Damage.CONTENT if self.hash != block.hash else None


@dataclass(frozen=True, slots=True)
class Break:
    """Name the first place where the chain is broken."""

    block: Block
    damage: Damage


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say how far the chain was whole.

    Shape: `last` is the last block that was whole, None when the first is not or there is none;
        `broken` is the first that is not; `following` is the block to go on with, None at the end
        of the chain or behind a break.
    """

    last: Block | None
    checked_count: int
    broken: Break | None
    following: int | None


def verdict(before: Block | None, found: Iterable[Checked], *, limit: int) -> Verdict:
    """Follow the chain from a block, None for its beginning, to the first break."""
    count = 0
    for one in found:
        damage = one.damage(before)
        if damage is not None:
            return Verdict(before, count, Break(one.block, damage), None)
        before, count = one.block, count + 1
    is_more = before is not None and count == limit
    return Verdict(before, count, None, before.block_number + 1 if is_more and before else None)
