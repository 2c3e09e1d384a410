"""The terms that a review changes, as JSON."""

from collections.abc import Mapping
from typing import Any

from channels.partner.domain import Terms, Territory
from chassis.money import Money


def terms_to_json(terms: Terms | None) -> dict[str, Any] | None:
    """Write terms."""
    if terms is None:
        return None
    target = terms.target
    return {
        "target": [target.currency_code, target.amount_minor] if target else None,
        "rebate_policy": terms.rebate_policy,
        "price_policy": terms.price_policy,
        "territories": [[one.area, one.exclusive] for one in terms.territories],
    }


def terms_from_json(row: Mapping[str, Any] | None) -> Terms | None:
    """Read terms."""
    if row is None:
        return None
    return Terms(
        target=Money(*row["target"]) if row["target"] else None,
        rebate_policy=row["rebate_policy"],
        price_policy=row["price_policy"],
        territories=tuple(Territory(area, exclusive) for area, exclusive in row["territories"]),
    )
