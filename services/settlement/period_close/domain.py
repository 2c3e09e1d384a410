"""A month as a value: its states and moves, and what must hold before it is closed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition
from chassis.money import Money
from chassis.period import Month
from settlement.ledger.periods import MonthLine


class State(StrEnum):
    """Where a month stands."""

    OPEN = "OPEN"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


# CLOSING leads to itself: a run that was cancelled is followed by another.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.CLOSING}),
    State.CLOSING: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSED: frozenset({State.OPEN}),
}


class PeriodNotOver(FailedPrecondition):
    """The month, and the days that the policy leaves for late facts, are not over yet."""

    reason = "PERIOD_NOT_OVER"

    def __init__(self, month: Month, close_from: date) -> None:
        """Name the month and the first day on which it may be closed."""
        super().__init__(
            f"{month} may be closed from {close_from.isoformat()} on",
            month=str(month),
            closeFrom=close_from.isoformat(),
        )


class PeriodOutOfOrder(FailedPrecondition):
    """Another month comes first."""

    reason = "PERIOD_OUT_OF_ORDER"

    def __init__(self, month: Month, due: Month) -> None:
        """Name the month and the one whose turn it is."""
        super().__init__(f"{due} comes before {month}", month=str(month), due=str(due))


class PeriodStateForbids(FailedPrecondition):
    """The month's state does not allow the move."""

    reason = "PERIOD_STATE_FORBIDS"

    def __init__(self, month: Month, state: State, to: str) -> None:
        """Name the month, its state and what it cannot become or give."""
        super().__init__(
            f"{month} is {state} and cannot become {to}", month=str(month), state=state, to=to
        )


class PeriodReopeningForbidden(FailedPrecondition):
    """The policy does not let a closed month be opened again."""

    reason = "PERIOD_REOPENING_FORBIDDEN"

    def __init__(self, month: Month) -> None:
        """Name the month."""
        super().__init__(f"{month} stays closed by the policy", month=str(month))


class PeriodUnbalanced(FailedPrecondition):
    """Debits and credits of the month differ."""

    reason = "PERIOD_UNBALANCED"

    def __init__(self, month: Month, debits: Money, credits_: Money) -> None:
        """Name the month and both sums."""
        super().__init__(
            f"{month} has {debits} of debits and {credits_} of credits",
            month=str(month),
            currencyCode=debits.currency_code,
            debitsMinor=debits.amount_minor,
            creditsMinor=credits_.amount_minor,
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Count what a month locks."""

    transfers: int = 0
    documents: int = 0

    def plus(self, transfers: int, documents: int) -> "Counts":
        """Add those of a day."""
        return Counts(self.transfers + transfers, self.documents + documents)


@dataclass(frozen=True, slots=True)
class Head:
    """Note the end of the chain, so that cutting it off later is seen."""

    block_number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Period:
    """Hold a month of the ledger.

    Shape: `attempt` counts how often it was asked to close, 0 while never; `head` is the end of
        the chain when it was closed.
    """

    month: Month
    state: State = State.OPEN
    attempt: int = 0
    run_id: str = ""
    counts: Counts = Counts()
    closed_by: str = ""
    close_time: datetime | None = None
    head: Head | None = None
    reopen_reason: str = ""
    export_id: str = ""

    def require_move(self, to: State) -> None:
        """Refuse a move that the table does not have.

        Errors: PeriodStateForbids.
        """
        if to not in MOVES[self.state]:
            raise PeriodStateForbids(self.month, self.state, to)

    def closing(self, run_id: str, *, by: str) -> "Period":
        """Begin to close, or begin once more."""
        self.require_move(State.CLOSING)
        return replace(
            self, state=State.CLOSING, attempt=self.attempt + 1, run_id=run_id, closed_by=by
        )

    def closed(
        self, counts: Counts, lines: Sequence[MonthLine], *, head: Head | None, at: datetime
    ) -> tuple["Period", "PeriodLocked"]:
        """Close, now that everything is written down.

        Errors: PeriodStateForbids, PeriodUnbalanced.
        """
        self.require_move(State.CLOSED)
        totals = balanced_totals(self.month, lines)
        period = replace(self, state=State.CLOSED, counts=counts, close_time=at, head=head)
        return period, PeriodLocked(self.month, counts, tuple(totals), tuple(lines), head)

    def reopened(self, reason: str) -> tuple["Period", "PeriodReopened"]:
        """Open again."""
        self.require_move(State.OPEN)
        period = replace(
            self,
            state=State.OPEN,
            counts=Counts(),
            close_time=None,
            head=None,
            reopen_reason=reason,
            export_id="",
        )
        return period, PeriodReopened(self.month, reason)


def check_over(month: Month, *, today: date, days_before_close: int) -> None:
    """Refuse a month that is not over, or whose days for late facts are not.

    Errors: PeriodNotOver.
    """
    close_from = month.next().first_day + timedelta(days=days_before_close)
    if today < close_from:
        raise PeriodNotOver(month, close_from)


def balanced_totals(month: Month, lines: Iterable[MonthLine]) -> list[Money]:
    """Sum the debits of a month's lines by currency, which are its credits.

    Errors: PeriodUnbalanced.
    """
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        debits, credits_ = sums.get(line.ref.currency_code, (0, 0))
        moved = line.moved
        sums[line.ref.currency_code] = (debits + moved[0], credits_ + moved[1])
    for currency_code, (debits, credits_) in sorted(sums.items()):
        if debits != credits_:
            own, other = Money(currency_code, debits), Money(currency_code, credits_)
            raise PeriodUnbalanced(month, own, other)
    return [Money(code, debits) for code, (debits, _) in sorted(sums.items()) if debits]


@dataclass(frozen=True, slots=True)
class PeriodLocked:
    """A month was closed.

    Shape: `totals` is the sum of its debits, which is that of its credits, by currency; `lines` is
        its trial balance.
    """

    month: Month
    counts: Counts
    totals: tuple[Money, ...]
    lines: tuple[MonthLine, ...]
    head: Head | None


@dataclass(frozen=True, slots=True)
class PeriodReopened:
    """A closed month was opened again."""

    month: Month
    reason: str
