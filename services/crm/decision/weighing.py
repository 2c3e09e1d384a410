"""The choice between the offers that match: exact, and without looking at each.

A rule is worth its default propensity times its value, and the index numbers rules by falling
worth. So rules without an own score of the customer are read from the best down, and reading stops
as soon as no later one can win; rules with an own score, of which there are few, are read all.
Pure.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from chassis.errors import FailedPrecondition
from chassis.policy.domain import Bindable
from crm.decision.domain import REJECTIONS_MAX, ContactLimits, Reason, Rejection, Situation
from crm.rules.domain import Product, Rule
from crm.rules.index import RuleIndex, numbers

CUSTOMER: Final = "customer"
CAMPAIGN: Final = "campaign"

# Raises ConditionFailed, a FailedPrecondition, when there is no answer.
Holds: TypeAlias = Callable[[Rule, Mapping[str, Bindable]], bool]


# The order among choices: worth, then own scores first, then the rules' order.
_Rank: TypeAlias = tuple[int, bool, int]


class Choice(NamedTuple):
    """Hold a rule that won, with the propensity that counted and where it came from.

    Units: `worth` in millionths times minor units.
    """

    rule: Rule
    propensity_ppm: int
    source: str
    rank: _Rank

    @property
    def worth(self) -> int:
        """Return what the offer is worth for this customer."""
        return -self.rank[0]


class Weighed(NamedTuple):
    """Hold the offers to make, the best first, and those weighed in vain."""

    chosen: tuple[Choice, ...]
    rejections: tuple[Rejection, ...]


def weigh(
    situation: Situation,
    index: RuleIndex,
    *,
    products: Mapping[str, Product],
    limits: ContactLimits,
    offers_max: int,
    holds: Holds,
) -> Weighed:
    """Choose the best offers that fit a situation.

    Shape: at most `offers_max`, each product once.
    Source: R-245, R-247, R-248, R-262.
    """
    profile = situation.profile
    matching = index.matching(
        events=situation.touch.names,
        kind=situation.touchpoint.kind,
        units=profile.units,
        tags=profile.tags,
    )
    scale = _Scale(situation, products, limits=limits, holds=holds, offers_max=offers_max)
    scored = matching & index.of_products(profile.scores)
    for number in numbers(scored):
        rule = index.rules[number]
        score = profile.scores[rule.terms.product_id]
        rank = (-score * rule.terms.value.amount_minor, False, number)
        scale.add(Choice(rule, score, CUSTOMER, rank))
    for number in numbers(matching & ~scored):
        rule = index.rules[number]
        rank = (-rule.worth, True, number)
        if scale.is_full_for(rank):
            break
        scale.add(Choice(rule, rule.terms.propensity_ppm, CAMPAIGN, rank))
    return Weighed(tuple(scale.chosen), tuple(scale.rejections))


class _Scale:
    """Keep the best choices so far, in order."""

    def __init__(
        self,
        situation: Situation,
        products: Mapping[str, Product],
        *,
        limits: ContactLimits,
        holds: Holds,
        offers_max: int,
    ) -> None:
        self._situation = situation
        self._products = products
        self._limits = limits
        self._holds = holds
        self._offers_max = offers_max
        self._values: dict[str, Bindable] | None = None
        self.chosen: list[Choice] = []
        self.rejections: list[Rejection] = []

    def is_full_for(self, rank: _Rank) -> bool:
        """Tell whether a choice of this rank, and so every lower one, comes too late."""
        return len(self.chosen) >= self._offers_max and (
            not self.chosen or rank > self.chosen[-1].rank
        )

    def add(self, choice: Choice) -> None:
        """Take a choice in unless something forbids it or better ones have all the places."""
        if not choice.rule.terms.required_tags <= self._situation.profile.tags:
            return
        refused = self._refusal(choice)
        if refused is not None:
            self._reject(choice, *refused)
            return
        if not self.chosen and self._offers_max:
            self.chosen.append(choice)
            return
        product_id = choice.rule.terms.product_id
        same = [one for one in self.chosen if one.rule.terms.product_id == product_id]
        self.chosen = sorted([*self.chosen, choice], key=lambda one: one.rank)
        for loser in [*sorted([choice, *same], key=lambda one: one.rank)[1:]]:
            self.chosen.remove(loser)
            self._reject(loser, Reason.OUTRANKED, "")
        for loser in self.chosen[self._offers_max :]:
            self._reject(loser, Reason.OUTRANKED, "")
        del self.chosen[self._offers_max :]

    def _reject(self, choice: Choice, reason: Reason, detail: str) -> None:
        if len(self.rejections) < REJECTIONS_MAX:
            campaign_id = choice.rule.campaign.campaign_id
            code = choice.rule.terms.offer_code
            self.rejections.append(Rejection(campaign_id, code, reason, detail))

    def _refusal(self, choice: Choice) -> tuple[Reason, str] | None:
        """Say what forbids an offer: the cheap questions first, the condition last."""
        rule, at = choice.rule, self._situation.at
        if rule.terms.moment and rule.terms.moment != self._situation.touch.moment:
            return Reason.MOMENT, rule.terms.moment
        if not rule.campaign.start_time <= at < rule.campaign.end_time:
            return Reason.CAMPAIGN_NOT_LIVE, ""
        if choice.propensity_ppm < rule.terms.score_cut_ppm:
            return Reason.SCORE_BELOW_CUT, ""
        declined = self._situation.profile.declines.get(rule.campaign.campaign_id)
        if self._limits.is_cooling(declined, at):
            return Reason.COOL_DOWN, ""
        return self._product_refusal(rule.terms.product_id) or self._condition_refusal(rule)

    def _product_refusal(self, product_id: str) -> tuple[Reason, str] | None:
        """Check the product against what the customer has, now.

        Source: R-248.
        """
        product = self._products.get(product_id)
        owned = self._situation.profile.owned
        if product is None or not product.available:
            return Reason.PRODUCT_UNAVAILABLE, product_id
        if product_id in owned:
            return Reason.PRODUCT_OWNED, product_id
        for other in sorted(owned):
            theirs = self._products.get(other)
            if other in product.excludes or (theirs and product_id in theirs.excludes):
                return Reason.PRODUCT_EXCLUDED, other
        missing = sorted(product.requires - owned)
        return (Reason.PRODUCT_REQUIRES, missing[0]) if missing else None

    def _condition_refusal(self, rule: Rule) -> tuple[Reason, str] | None:
        if not (rule.campaign.audience or rule.terms.condition):
            return None
        try:
            held = self._holds(rule, self._bindable())
        except FailedPrecondition:
            return Reason.CONDITION_FAILED, ""
        return None if held else (Reason.CONDITION_NOT_MET, "")

    def _bindable(self) -> Mapping[str, Bindable]:
        """Return the values of all variables; an event's attribute counts before a customer's."""
        if self._values is None:
            profile = self._situation.profile
            self._values = {
                **profile.attributes,
                **self._situation.touch.attributes,
                "tags": sorted(profile.tags),
                "owned_product_ids": sorted(profile.owned),
                "event_type": self._situation.event_name,
                "touchpoint_kind": self._situation.touchpoint.kind,
            }
        return self._values
