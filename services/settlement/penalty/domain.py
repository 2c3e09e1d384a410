"""What follows from goods that a partner sold in the area of another; pure."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from chassis.errors import NotFound
from chassis.ids import derived_id
from chassis.money import Money
from settlement.ledger.domain import (
    AccountCode,
    ActualKind,
    ActualPosted,
    Move,
    Reason,
    unit_account,
)

PURPOSE = "reattribution"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Hold a case that channels confirmed; `victim_partner_id` is empty when nobody is known."""

    case_id: str
    partner_id: str
    unit_id: str
    victim_unit_id: str
    victim_partner_id: str
    order_id: str
    product_id: str
    batch: str
    quantity: int
    amount: Money
    actor: str
    day: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Penalty:
    """Hold what followed from a case."""

    case: Confirmed
    factor: Decimal
    policy_id: str

    @property
    def fine(self) -> Money:
        """Return the fine.

        Source: R-210: 2 × 1,710.00 are 3,420.00.
        """
        return self.case.amount.times(self.factor)

    @property
    def award_id(self) -> str:
        """Return the id of the booked fine."""
        return derived_id(self.case.case_id, "fine", 0)

    @property
    def exclusion_id(self) -> str:
        """Return the id of the exclusion from the rebate base."""
        return derived_id(self.case.case_id, "exclusion", 0)

    def moves(self) -> list[Move]:
        """Move the sales from the unit that diverted to the victim, through the clearing account.

        Shape: one transfer for each side, because each side is told by itself.
        """
        case, code = self.case, self.case.amount.currency_code
        reason = Reason(PURPOSE, "diversion_case", case.case_id, case.day, case.at)
        clearing = unit_account(AccountCode.CLEARING, case.victim_unit_id, code)
        lost = unit_account(AccountCode.REVENUE, case.unit_id, code)
        won = unit_account(AccountCode.REVENUE, case.victim_unit_id, code)
        return [
            Move(_transfer_id(case, 0), lost, clearing, case.amount, reason),
            Move(_transfer_id(case, 1), clearing, won, case.amount, reason),
        ]

    def actuals(self) -> list[ActualPosted]:
        """Tell that the sales are the victim's.

        Source: R-210: −1,710.00 for one unit, +1,710.00 for the other.
        """
        case = self.case
        sides = (
            (case.unit_id, case.partner_id, True),
            (case.victim_unit_id, case.victim_partner_id, False),
        )
        return [
            ActualPosted(
                kind=ActualKind.REVENUE,
                amount=case.amount,
                reversal=reversal,
                transfer_id=_transfer_id(case, number),
                post_date=case.day,
                order_id=case.order_id,
                partner_id=partner_id,
                unit_id=unit_id,
                # The campaign of the order had its sale, wherever the goods went.
                campaign_id="",
                product_id=case.product_id,
                quantity=case.quantity,
            )
            for number, (unit_id, partner_id, reversal) in enumerate(sides)
        ]


@dataclass(frozen=True, slots=True)
class Booked:
    """Hold a penalty with the time at which it was booked."""

    penalty: Penalty
    create_time: datetime


@dataclass(frozen=True, slots=True)
class DiversionPenalised:
    """A partner was fined, and its sales are the victim's."""

    penalty: Penalty


class DiversionPenaltyNotFound(NotFound):
    """Nothing was booked for this case."""

    reason = "DIVERSION_PENALTY_NOT_FOUND"

    def __init__(self, case_id: str) -> None:
        """Name the case."""
        super().__init__(f"nothing was booked for diversion case {case_id}", caseId=case_id)


def _transfer_id(case: Confirmed, number: int) -> str:
    return derived_id(case.case_id, PURPOSE, number)
