"""How the results of the trade part look on a terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mantle.settlement.v1 import invoice_service_pb2 as invoice_rpc
from mantle.settlement.v1 import ledger_service_pb2 as ledger_rpc

from local.demo.narrator import Narrator, minor_text, money_text
from local.demo.scene import Scene
from local.demo.trade import ledger
from local.demo.trade.ledger import BooksDiffer, Sums
from local.demo.trade.volume import Settled

# Columns of a month: printed line by line, because a month takes seconds.
COLUMNS: Final = ("", "orders", "revenue", "commission", "rebate", "receipts", "debit=credit")
WIDTHS: Final = (7, 6, 10, 10, 9, 10, 12)


def print_heading(narrator: Narrator) -> None:
    """Name the columns of the months."""
    narrator.tell(_line(COLUMNS))


def print_month(narrator: Narrator, one: Settled) -> None:
    """Print a closed month."""
    cells = (
        str(one.month),
        f"{one.orders:,}",
        minor_text(one.revenue),
        minor_text(one.commission),
        minor_text(one.rebate),
        minor_text(one.receipts),
        minor_text(one.debits),
    )
    narrator.tell(_line(cells))


def print_volume(narrator: Narrator, months: Sequence[Settled], *, took_s: float) -> None:
    """Print the sums of all months, and where the time went."""
    orders = sum(one.orders for one in months)
    narrator.tell(
        f"{len(months)} months closed, {orders:,} orders settled in {took_s:.0f} s",
        f"{orders / took_s:.0f} a second",
    )
    parts: Counter[str] = Counter()
    for one in months:
        parts.update(one.took_s)
    narrator.tell(
        "Seconds: " + ", ".join(f"{part} {spent_s:.0f}" for part, spent_s in parts.items())
    )
    rows = [
        (name, minor_text(sum(found)))
        for name, found in (
            ("revenue", [one.revenue for one in months]),
            ("commission", [one.commission for one in months]),
            ("rebate accrued", [one.rebate for one in months]),
            ("receipts", [one.receipts for one in months]),
        )
    ]
    narrator.table(rows, right=(1,))


def print_trial_balance(scene: Scene, currency_code: str) -> Sums:
    """Print the trial balance of a currency, and return it.

    Errors: BooksDiffer.
    """
    found, narrator = ledger.sums(scene, currency_code), scene.narrator
    narrator.blank()
    narrator.tell(f"Trial balance in {currency_code}")
    rows = [("", "debits", "credits")]
    codes = sorted(set(found.debits) | set(found.credits))
    rows += [
        (ledger.name_of(code), minor_text(found.debits[code]), minor_text(found.credits[code]))
        for code in codes
        if found.debits[code] or found.credits[code]
    ]
    debits, credit = found.debits.total(), found.credits.total()
    rows.append(("sum", minor_text(debits), minor_text(credit)))
    narrator.table(rows, right=(1, 2))
    if debits != credit:
        raise BooksDiffer("the trial balance", expected=debits, found=credit)
    return found


def print_partner(scene: Scene, partner_id: str, month: str) -> None:
    """Print the statement of a partner's month."""
    asked = invoice_rpc.GetPartnerStatementRequest(partner_id=partner_id, month=month)
    found, narrator = scene.desk.person("finance").ask(asked).statement, scene.narrator
    narrator.chapter("The books")
    narrator.tell(f"Statement of {partner_id} for {month}")
    rows = [("", "", "debit", "credit"), ("opening", "", money_text(found.opening), "")]
    rows += [
        (one.post_date, one.purpose, money_text(one.debit), money_text(one.credit))
        for one in found.lines
    ]
    rows.append(("closing", "", money_text(found.closing), ""))
    narrator.table(rows, right=(2, 3))


def print_chain(scene: Scene) -> None:
    """Verify the ledger's chain from its first block on, part by part."""
    finance, first, checked = scene.desk.person("finance"), 0, 0
    while True:
        answer = finance.ask(ledger_rpc.VerifyLedgerRequest(first_block_number=first))
        checked += answer.checked_count
        if answer.HasField("broken"):
            raise BooksDiffer("the chain", expected=0, found=answer.broken.block_number)
        if not answer.HasField("next_block_number"):
            break
        first = answer.next_block_number
    scene.narrator.blank()
    scene.narrator.tell(f"{checked:,} blocks of the ledger verified", "the chain is whole")


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))
