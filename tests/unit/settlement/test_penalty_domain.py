"""What follows from a confirmed diversion."""

from datetime import UTC, date, datetime
from decimal import Decimal

from chassis.ids import new_id
from chassis.money import Money
from settlement.ledger.domain import AccountCode
from settlement.penalty.domain import Confirmed, Penalty
from settlement.penalty.usecases import diversion_problems
from tests.support.requirements import req

CASE = Confirmed(
    case_id=new_id(),
    partner_id="D1",
    unit_id="a1",
    victim_unit_id="a2",
    victim_partner_id="D2",
    order_id=new_id(),
    product_id="P1",
    batch="B7",
    quantity=200,
    amount=Money("CNY", 171_000),
    actor="ada",
    day=date(2026, 3, 2),
    at=datetime(2026, 3, 2, tzinfo=UTC),
)


@req("R-210")
def test_the_fine_is_twice_and_the_sales_are_the_victims() -> None:
    penalty = Penalty(CASE, Decimal(2), new_id())

    told = [(one.unit_id, one.partner_id, one.reversal, one.quantity) for one in penalty.actuals()]
    first, second = penalty.moves()
    assert penalty.fine == Money("CNY", 342_000)
    assert told == [("a1", "D1", True, 200), ("a2", "D2", False, 200)]
    assert [one.transfer_id for one in penalty.actuals()] == [first.transfer_id, second.transfer_id]
    assert (first.debit.code, first.credit) == (AccountCode.REVENUE, second.debit)
    assert first.credit.code is AccountCode.CLEARING
    assert (first.debit.unit_id, second.credit.unit_id) == ("a1", "a2")


def test_nobody_is_paid_for_diversion() -> None:
    assert diversion_problems({"fine_factor": "-1"}) != []
    assert diversion_problems({"fine_factor": "0"}) == []
