"""The versions of the rebate policy, read as the domain's rules."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from chassis.database import Transaction
from chassis.paging import Key, Page
from chassis.policy import usecases as policy
from chassis.policy.domain import Policy, PolicyNotFound, State, Wanted
from chassis.policy.parameters import Parameters
from settlement.rebate.domain import Mode, Rules, Tier

KIND: Final = "rebate"
PAGE: Final = 500


def in_force(tx: Transaction, *, on: date) -> list[Rules]:
    """Return the rules of all scopes on a day.

    Errors: PolicyNotFound when there are none.
    """
    wanted = Wanted(kind=KIND, state=State.APPROVED, on=on)
    found: list[Rules] = []
    after: tuple[Key, ...] | None = None
    while True:
        part = Page(PAGE, KIND, after)
        items = policy.list_page(tx, wanted=wanted, part=part).items
        found += [rules_of(one) for one in items]
        if len(items) < PAGE:
            break
        after = (items[-1].kind, items[-1].scope, items[-1].version)
    if not found:
        raise PolicyNotFound.in_force(KIND, [""], on)
    return found


def of_version(tx: Transaction, policy_id: str) -> Rules:
    """Return the rules of one version, whatever its state.

    Errors: PolicyNotFound, also for a version of another kind.
    """
    found = policy.get(tx, policy_id=policy_id)
    if found.kind != KIND:
        raise PolicyNotFound.by_id(policy_id)
    return rules_of(found)


def rules_of(source: Policy) -> Rules:
    """Read a version."""
    values = source.parameters
    return Rules(
        policy_id=source.policy_id,
        scope=source.scope,
        currency_code=values.text("currency_code"),
        mode=Mode(values.text("mode")),
        tiers=tuple(
            Tier(one.integer("from_minor"), one.decimal("rate")) for one in values.records("tiers")
        ),
        grade_caps=_rates(values, "grade_caps"),
        forfeits=_rates(values, "forfeits"),
        planned_rate=values.decimal("planned_rate") if "planned_rate" in values else None,
        budget_minor=values.integer("budget_minor") if "budget_minor" in values else None,
    )


def replaced(rules: Sequence[Rules], draft: Rules) -> list[Rules]:
    """Put a draft in the place of the version of its scope."""
    return [*(one for one in rules if one.scope != draft.scope), draft]


def _rates(values: Parameters, name: str) -> dict[str, Decimal]:
    if name not in values:
        return {}
    table = values.record(name)
    return {key: table.decimal(key) for key in table}
