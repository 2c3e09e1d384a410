"""Measures that are computed: each row by the factors of its own product and channel."""

from collections.abc import Mapping
from fractions import Fraction

from planning.cube.deriving import Pairs
from planning.cube.rows import CHANNEL, PRODUCT, Rows


def test_factors_are_those_of_the_row_while_others_number_new_channels() -> None:
    rows = Rows.none().plus([("A1", "P1", "OTC", ""), ("A1", "P2", "RX", "")])
    asked: list[tuple[str, str]] = []

    def factors_of(product_id: str, channel: str, _needed: bool) -> Mapping[str, Fraction]:
        asked.append((product_id, channel))
        return {}

    pairs = Pairs(rows, factors_of)
    rows.codes[CHANNEL].number("ONLINE")
    rows.codes[PRODUCT].number("P3")
    for pair in pairs.of_row.tolist():
        pairs.factors(pair, needed=True)

    assert asked == [("P1", "OTC"), ("P2", "RX")]
