"""All live rules as bit sets: which of them can fit a touch at all, without looking at each.

Bit `n` stands for rule `n`, and rules are numbered by falling worth, so that the lowest bit of a
set is the best candidate and a reader can stop early. Pure; built once a change, shared by threads.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from crm.rules.domain import Campaign, CampaignState, Rule

_Bits = Mapping[str, int]


class RuleIndex:
    """Find the rules that match event, touchpoint, unit and tags.

    Shape: `rules` by falling worth. A rule that names several required tags is found by the rarest
        of them; the others are compared on the few that are left.
    """

    __slots__ = (
        "_any_event",
        "_any_kind",
        "_events",
        "_excluded",
        "_kinds",
        "_products",
        "_required",
        "_untagged",
        "_units",
        "rules",
    )

    def __init__(self, campaigns: Iterable[Campaign]) -> None:
        """Number the rules of the live campaigns and set their bits."""
        self.rules: tuple[Rule, ...] = tuple(
            sorted(
                (
                    Rule(campaign, terms)
                    for campaign in campaigns
                    if campaign.state is CampaignState.LIVE
                    for terms in campaign.offers
                ),
                key=lambda rule: rule.order,
            )
        )
        rarity = Counter(tag for rule in self.rules for tag in rule.terms.required_tags)
        self._events = _bits(self.rules, lambda rule: rule.terms.event_types)
        self._kinds = _bits(self.rules, lambda rule: rule.terms.touchpoint_kinds)
        self._units = _bits(self.rules, lambda rule: [rule.campaign.unit_id])
        self._products = _bits(self.rules, lambda rule: [rule.terms.product_id])
        self._excluded = _bits(self.rules, lambda rule: rule.terms.excluded_tags)
        self._required = _bits(
            self.rules,
            lambda rule: sorted(rule.terms.required_tags, key=lambda tag: (rarity[tag], tag))[:1],
        )
        self._any_event = _those(self.rules, lambda rule: not rule.terms.event_types)
        self._any_kind = _those(self.rules, lambda rule: not rule.terms.touchpoint_kinds)
        self._untagged = _those(self.rules, lambda rule: not rule.terms.required_tags)

    def matching(
        self,
        *,
        events: Iterable[str],
        kind: str,
        units: Iterable[str],
        tags: Iterable[str],
    ) -> int:
        """Return the bits of the rules that a touch can bring about.

        Shape: `events` are the names of what happened, family included; `units` are the customer's
            unit and all above it. Tags beyond the rarest required one are still to be compared.
        """
        found = self._any_kind | self._kinds.get(kind, 0)
        found &= _union(self._events, events) | self._any_event
        if found:
            found &= _union(self._units, units)
        if found:
            tagged, excluded = self._untagged, 0
            for tag in tags:
                tagged |= self._required.get(tag, 0)
                excluded |= self._excluded.get(tag, 0)
            found &= tagged & ~excluded
        return found

    def of_products(self, product_ids: Iterable[str]) -> int:
        """Return the bits of the rules that offer one of the products."""
        return _union(self._products, product_ids)


def numbers(bits: int) -> Iterator[int]:
    """Give the numbers of the set bits, the lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _bits(rules: tuple[Rule, ...], names: Callable[[Rule], Iterable[str]]) -> _Bits:
    found: dict[str, bytearray] = defaultdict(lambda: bytearray(len(rules) // 8 + 1))
    for number, rule in enumerate(rules):
        for name in names(rule):
            found[name][number >> 3] |= 1 << (number & 7)
    return {name: int.from_bytes(bits, "little") for name, bits in found.items()}


def _those(rules: tuple[Rule, ...], has: Callable[[Rule], bool]) -> int:
    return _bits(rules, lambda rule: [""] if has(rule) else []).get("", 0)


def _union(bits: _Bits, names: Iterable[str]) -> int:
    found = 0
    for name in names:
        found |= bits.get(name, 0)
    return found
