"""A rule: one offer of one campaign, with everything that decides whether it fits.

Units: propensities in millionths, worth in minor units.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.money import Money


class CampaignState(StrEnum):
    """What a campaign allows: as its owner's last fact told."""

    APPROVED = "APPROVED"
    LIVE = "LIVE"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    ENDED = "ENDED"


OVER: Final = frozenset({CampaignState.STOPPED, CampaignState.ENDED})


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold one offer of a campaign as it was planned; an empty set means everything."""

    offer_code: str
    product_id: str
    wording: str
    propensity_ppm: int
    value: Money
    valid_days: int
    score_cut_ppm: int = 0
    event_types: frozenset[str] = frozenset()
    touchpoint_kinds: frozenset[str] = frozenset()
    required_tags: frozenset[str] = frozenset()
    excluded_tags: frozenset[str] = frozenset()
    condition: str = ""
    moment: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Hold the copy of a campaign.

    Shape: `variables` is attribute → type, as the campaign declares what its conditions speak of.
    """

    campaign_id: str
    unit_id: str
    version: int
    state: CampaignState
    start_time: datetime
    end_time: datetime
    offers: tuple[Terms, ...]
    audience: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """Hold the copy of a product: whether it can be sold, and its rules with others."""

    product_id: str
    version: int
    available: bool
    excludes: frozenset[str] = frozenset()
    requires: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    """Hold one offer of one live campaign."""

    campaign: Campaign
    terms: Terms

    @property
    def worth(self) -> int:
        """Return millionths times minor units for a customer without a score of its own."""
        return self.terms.propensity_ppm * self.terms.value.amount_minor

    @property
    def order(self) -> tuple[int, str, str]:
        """Return the rank among rules: the best first, then by campaign and code."""
        return (-self.worth, self.campaign.campaign_id, self.terms.offer_code)
