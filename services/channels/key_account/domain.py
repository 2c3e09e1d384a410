"""A large customer, its dossier, and how managers are shared out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from channels.selection.domain import CUSTOMER_CHECKS, DossierCheck, require_dossier
from channels.turnover.domain import CustomerYear
from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money


class State(StrEnum):
    """How far a dossier is; an approved one is not changed any more."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"


@dataclass(frozen=True, slots=True)
class KeyAccount:
    """Hold a customer; no manager and no revenue while it is no large one."""

    customer_id: str
    unit_id: str
    state: State
    create_time: datetime
    checks: tuple[DossierCheck, ...] = ()
    manager: str = ""
    assign_year: int = 0
    revenue: Money | None = None
    version: int = 1

    def record(self, check: DossierCheck) -> "KeyAccount":
        """Take a check into the dossier, over an earlier one of its kind.

        Errors: KeyAccountStateForbids.
        """
        self._require_open()
        known = {one.kind: one for one in (*self.checks, check)}
        checks = tuple(known[kind] for kind in sorted(known))
        return replace(self, checks=checks, version=self.version + 1)

    def approve(self) -> "KeyAccount":
        """Approve a customer whose three checks are passed.

        Errors: KeyAccountStateForbids, DossierIncomplete.
        Source: R-071.
        """
        self._require_open()
        require_dossier(self.checks, CUSTOMER_CHECKS, subject_id=self.customer_id)
        return replace(self, state=State.APPROVED, version=self.version + 1)

    def assign(self, manager: str, bought: CustomerYear, *, year: int) -> "KeyAccount":
        """Give the customer its manager."""
        return replace(
            self,
            manager=manager,
            assign_year=year,
            revenue=bought.revenue,
            version=self.version + 1,
        )

    def _require_open(self) -> None:
        if self.state is not State.OPEN:
            raise KeyAccountStateForbids(self.customer_id, self.state)


@dataclass(frozen=True, slots=True)
class Assigned:
    """Hold the customers that got a manager, how many large ones there are, and how many of them
    have one now."""

    accounts: tuple[KeyAccount, ...]
    large: int
    assigned: int


def share_out(count: int, managers: Sequence[str], loads: Mapping[str, int]) -> list[str]:
    """Return who gets each of so many customers: always the one with the fewest, of equals the one
    named first.

    Source: R-150.
    """
    held = {manager: loads.get(manager, 0) for manager in managers}
    chosen = []
    for _ in range(count):
        manager = min(managers, key=lambda one: held[one])
        held[manager] += 1
        chosen.append(manager)
    return chosen


class KeyAccountNotFound(NotFound):
    """The customer has no dossier."""

    reason = "KEY_ACCOUNT_NOT_FOUND"

    def __init__(self, customer_id: str) -> None:
        """Name the customer."""
        super().__init__(f"customer {customer_id} has no dossier", customerId=customer_id)


class KeyAccountStateForbids(FailedPrecondition):
    """The customer's dossier is approved already."""

    reason = "KEY_ACCOUNT_STATE_FORBIDS"

    def __init__(self, customer_id: str, state: State) -> None:
        """Name the customer and its state."""
        super().__init__(
            f"the dossier of customer {customer_id} is {state}",
            customerId=customer_id,
            state=state,
        )
