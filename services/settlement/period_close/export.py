"""The export of a month for the company's books as a value: lines, destinations, states."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money
from chassis.period import Month
from settlement.ledger.domain import AccountCode
from settlement.ledger.periods import MonthLine


class ExportState(StrEnum):
    """Where an export stands."""

    PREPARED = "PREPARED"
    SENT = "SENT"
    CONFIRMED = "CONFIRMED"


EXPORT_MOVES: Final[Mapping[ExportState, frozenset[ExportState]]] = {
    ExportState.PREPARED: frozenset({ExportState.SENT}),
    ExportState.SENT: frozenset({ExportState.CONFIRMED}),
    ExportState.CONFIRMED: frozenset(),
}


class Destination(StrEnum):
    """Who a line of an export is for."""

    GENERAL_LEDGER = "GENERAL_LEDGER"
    MANAGEMENT_ACCOUNTING = "MANAGEMENT_ACCOUNTING"
    TREASURY = "TREASURY"


INCOME_AND_EXPENSE: Final = frozenset(
    {
        AccountCode.REVENUE,
        AccountCode.PENALTY_INCOME,
        AccountCode.COMMISSION_EXPENSE,
        AccountCode.REBATE_EXPENSE,
        AccountCode.SELLING_EXPENSE,
        AccountCode.SERVICE_EXPENSE,
        AccountCode.AWARD_EXPENSE,
        AccountCode.REVENUE_SHARE_EXPENSE,
    }
)
CODES_OF: Final[Mapping[Destination, frozenset[AccountCode]]] = {
    Destination.GENERAL_LEDGER: frozenset(AccountCode),
    Destination.MANAGEMENT_ACCOUNTING: INCOME_AND_EXPENSE,
    Destination.TREASURY: frozenset({AccountCode.CASH, AccountCode.BILLS_RECEIVABLE}),
}


class LedgerExportNotFound(NotFound):
    """No export has this id."""

    reason = "LEDGER_EXPORT_NOT_FOUND"

    def __init__(self, export_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no export {export_id}", exportId=export_id)


class LedgerExportStateForbids(FailedPrecondition):
    """The export's state does not allow the move."""

    reason = "LEDGER_EXPORT_STATE_FORBIDS"

    def __init__(self, export_id: str, state: ExportState, to: str) -> None:
        """Name the export, its state and what it cannot become."""
        super().__init__(
            f"export {export_id} is {state} and cannot become {to}",
            exportId=export_id,
            state=state,
            to=to,
        )


class LedgerExportTotalDiffers(FailedPrecondition):
    """The general ledger has booked other totals."""

    reason = "LEDGER_EXPORT_TOTAL_DIFFERS"

    def __init__(self, export_id: str, own: Money, booked: Money) -> None:
        """Name the export and both totals."""
        super().__init__(
            f"export {export_id} debits {own} and {booked} is booked",
            exportId=export_id,
            currencyCode=own.currency_code,
            debitsMinor=own.amount_minor,
            bookedMinor=booked.amount_minor,
        )


@dataclass(frozen=True, slots=True)
class ExportLine:
    """Hold what the accounts of one unit and code did, on the side that prevails."""

    line_number: int
    code: AccountCode
    unit_id: str
    debit: Money
    credit: Money

    @property
    def destinations(self) -> list[Destination]:
        """Say who it is for."""
        return [one for one, codes in CODES_OF.items() if self.code in codes]


def export_lines(lines: Iterable[MonthLine]) -> list[ExportLine]:
    """Net what each unit and code did in the month; what is even on both sides has no line."""
    found: list[ExportLine] = []
    for line in lines:
        difference = line.moved[0] - line.moved[1]
        if difference:
            debit, credited = (max(side, 0) for side in (difference, -difference))
            currency_code = line.ref.currency_code
            found.append(
                ExportLine(
                    len(found) + 1,
                    line.ref.code,
                    line.ref.unit_id,
                    Money(currency_code, debit),
                    Money(currency_code, credited),
                )
            )
    return found


def totals_of(lines: Iterable[ExportLine]) -> tuple[Money, ...]:
    """Sum what lines debit in each currency, by currency."""
    sums: dict[str, int] = {}
    for line in lines:
        code = line.debit.currency_code
        sums[code] = sums.get(code, 0) + line.debit.amount_minor
    return tuple(Money(code, amount_minor) for code, amount_minor in sorted(sums.items()))


@dataclass(frozen=True, slots=True)
class Export:
    """Hold a month on its way to the company's books.

    Shape: `totals` is the sum of the debits for each currency, by currency.
    """

    export_id: str
    month: Month
    totals: tuple[Money, ...]
    line_count: int
    prepare_time: datetime
    state: ExportState = ExportState.PREPARED
    send_time: datetime | None = None
    confirm_time: datetime | None = None
    reference: str = ""

    def require_move(self, to: ExportState) -> None:
        """Refuse a move that the table does not have.

        Errors: LedgerExportStateForbids.
        """
        if to not in EXPORT_MOVES[self.state]:
            raise LedgerExportStateForbids(self.export_id, self.state, to)

    def sent(self, at: datetime) -> tuple["Export", "LedgerExportSent"]:
        """Let the general ledger take it."""
        self.require_move(ExportState.SENT)
        export = replace(self, state=ExportState.SENT, send_time=at)
        return export, LedgerExportSent(self.export_id, self.month, self.totals, self.line_count)

    def confirmed(
        self, reference: str, booked: Sequence[Money], *, at: datetime
    ) -> tuple["Export", "LedgerExportConfirmed"]:
        """Record that the general ledger has booked the same totals.

        Errors: LedgerExportStateForbids, LedgerExportTotalDiffers.
        """
        self.require_move(ExportState.CONFIRMED)
        self._check(booked)
        export = replace(self, state=ExportState.CONFIRMED, confirm_time=at, reference=reference)
        return export, LedgerExportConfirmed(self.export_id, self.month, reference)

    def _check(self, booked: Sequence[Money]) -> None:
        own = {one.currency_code: one for one in self.totals}
        found = {one.currency_code: one for one in booked}
        for code in sorted(own.keys() | found.keys()):
            pair = own.get(code, Money(code, 0)), found.get(code, Money(code, 0))
            if pair[0] != pair[1]:
                raise LedgerExportTotalDiffers(self.export_id, *pair)


@dataclass(frozen=True, slots=True)
class LedgerExportSent:
    """The general ledger may take a month's export."""

    export_id: str
    month: Month
    totals: tuple[Money, ...]
    line_count: int


@dataclass(frozen=True, slots=True)
class LedgerExportConfirmed:
    """The general ledger has booked a month."""

    export_id: str
    month: Month
    reference: str
