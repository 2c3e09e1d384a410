"""A version of the commission rules, read and compiled once for all that it is asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from chassis.money import Money
from chassis.policy.conditions import Condition, condition_of
from chassis.policy.domain import Bindable, Policy
from chassis.policy.parameters import Parameters, Value
from settlement.commission.earning import Basis, Per, Rate, Sale, SaleLine

# A share has the currency of the amount that it is taken of; until then none: no country has ZZZ.
_NOTHING: Final = Money.zero("ZZZ")


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the rates of a version and the conditions under which they are earned."""

    policy_id: str
    rates: Sequence[Rate]
    conditions: Mapping[str, Condition]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Read a version."""
        conditions = {name: condition_of(policy, name) for name in policy.conditions}
        return cls(policy.policy_id, _rates(policy), conditions)

    def matching(self, sale: Sale) -> list[list[str]]:
        """Return for each line of a sale the kinds of event that it is.

        Errors: ConditionFailed.
        """
        return [self._kinds(_values(sale, line)) for line in sale.lines]

    def rates_on(self, basis: Basis) -> list[Rate]:
        """Return the rates that are earned at once, or those that wait for the money."""
        return [rate for rate in self.rates if rate.basis is basis]

    def _kinds(self, values: Mapping[str, Bindable]) -> list[str]:
        return [name for name, one in self.conditions.items() if one.holds_for(values)]


def _rates(policy: Policy) -> list[Rate]:
    """Read the rates by what they are earned for; one of nothing earns nothing, nor does one
    without a condition."""
    tables = [(per, f"per_{per}") for per in Per if f"per_{per}" in policy.parameters]
    found = [
        _rate(name, per, policy.parameters.record(table).record(name))
        for per, table in tables
        for name in policy.parameters.record(table)
    ]
    return [rate for rate in found if rate.share or rate.amount.amount_minor > 0]


def _rate(name: str, per: Per, values: Parameters) -> Rate:
    if per is Per.AMOUNT:
        share, basis = values.text("rate"), Basis(values.text("basis"))
        return Rate(name, per, _NOTHING, share, basis)
    return Rate(name, per, Money(values.text("currency_code"), values.integer("amount_minor")))


def _values(sale: Sale, line: SaleLine) -> dict[str, Bindable]:
    return {
        "source": sale.source,
        "partner_id": sale.partner_id,
        "unit_id": sale.unit_id,
        "campaign_id": sale.campaign_id,
        "product_id": line.product_id,
        "quantity": line.quantity,
        "amount_minor": line.amount.amount_minor,
    }


def rate_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with shares of amounts: a share above the whole or with more than six
    decimals, a basis that there is not."""
    found = []
    shares = Parameters(values).record("per_amount") if "per_amount" in values else Parameters({})
    for name in shares:
        one = shares.record(name)
        share = one.decimal("rate")
        if not 0 <= share <= 1 or share != round(share, 6):
            found.append(
                f"parameters.per_amount.{name}.rate is not a share of 0 to 1 with 6 decimals"
            )
        if one.text("basis") not in set(Basis):
            found.append(f"parameters.per_amount.{name}.basis is none of {', '.join(Basis)}")
    return found
