"""Keep reservations at planning what they are to be: confirmed once the expense is stored, spent
with it, or given back. Each is one question with no transaction open, and one transaction behind
it; a turn may be lost anywhere and is taken again."""

from typing import Final

from chassis import telemetry
from chassis.work.backdoor import BackDoor
from settlement.expense import storage, usecases
from settlement.expense.peers import BudgetDesk

KEEP_PERIOD_S: Final = 0.5


class BudgetKeeper:
    """Take the queue forward, one expense a turn."""

    def __init__(self, back_door: BackDoor, budget: BudgetDesk) -> None:
        """Know who keeps the budget."""
        self._back_door = back_door
        self._budget = budget

    def turn(self) -> bool:
        """Tell planning of the next expense; False when nothing waits.

        Errors: PeerUnavailable, DeadlineExceeded; the next turn asks again.
        """
        one = self._back_door.quietly(storage.next_to_keep)
        if one is None:
            return False
        with telemetry.continued_span(
            self._back_door.telemetry, "keep budget", parent=one.traceparent
        ):
            said = self._budget.keep(one)
            self._back_door.tick(
                "settle budget", lambda tx: usecases.settle_budget(tx, asked=one, said=said)
            )
        return True
