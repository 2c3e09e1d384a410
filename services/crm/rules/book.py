"""The rules in memory, and their conditions, compiled.

A decision reads the count of changes together with its customer, so it never uses rules older than
its own transaction sees; only after a change does one thread read everything anew.
"""

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from chassis.database import Transaction
from chassis.policy import conditions
from chassis.policy.conditions import ConditionFailed, ConditionInvalid, Environment
from chassis.policy.domain import Bindable, VariableType
from crm.rules import usecases
from crm.rules.domain import Rule
from crm.rules.usecases import Picture

# What every condition may speak of: the fields of planning's `OfferVariables`.
ALWAYS: Final[Mapping[str, VariableType]] = {
    "tags": VariableType.STRING_LIST,
    "owned_product_ids": VariableType.STRING_LIST,
    "event_type": VariableType.STRING,
    "touchpoint_kind": VariableType.STRING,
}
_PYTHON: Final = {
    VariableType.INT: int,
    VariableType.STRING: str,
    VariableType.BOOL: bool,
    VariableType.STRING_LIST: list,
}


class RuleBook:
    """Hold the picture that was read last."""

    def __init__(self) -> None:
        """Hold nothing before the first use."""
        self._lock = threading.Lock()
        self._picture: Picture | None = None

    def at(self, tx: Transaction, number: int) -> Picture:
        """Return a picture that is at least as new as a count of changes."""
        picture = self._picture
        if picture is not None and picture.number >= number:
            return picture
        with self._lock:
            picture = self._picture
            if picture is None or picture.number < number:
                picture = self._picture = usecases.picture(tx)
            return picture


def holds(rule: Rule, values: Mapping[str, Bindable]) -> bool:
    """Tell whether the campaign's audience and the offer's condition are both true.

    Shape: a value of another type than the campaign declares is as if it were missing.
    Errors: ConditionFailed when one has no answer, or cannot even be compiled; it never means yes.
    """
    texts = [text for text in (rule.campaign.audience, rule.terms.condition) if text.strip()]
    if not texts:
        return True
    try:
        declared = _declared(tuple(sorted(rule.campaign.variables.items())))
        within, kinds = declared
        bound = within.bind(
            {name: value for name, value in values.items() if _fits(value, kinds.get(name))}
        )
        return all(within.condition(text).holds(bound) for text in texts)
    except ConditionInvalid as error:
        raise ConditionFailed(error.metadata["condition"], error.metadata["problem"]) from error


@lru_cache(maxsize=1024)
def _declared(
    variables: tuple[tuple[str, str], ...],
) -> tuple[Environment, Mapping[str, VariableType]]:
    kinds: dict[str, VariableType] = {name: VariableType(kind) for name, kind in variables}
    kinds.update(ALWAYS)
    return conditions.environment(kinds), kinds


def _fits(value: Bindable, kind: VariableType | None) -> bool:
    return kind is not None and type(value) is _PYTHON[kind]
