"""The invariants of what clients do beside orders: expenses, contracts, shipments, pick-up notes.

An errand left its mark in what it made; whatever was acknowledged is there once, nothing else is.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels
from mantle.settlement.v1 import events_pb2 as settlement

from tests.faults.evidence import Evidence
from tests.faults.journal import OK, REFUSED

Broken = Iterator[str]
Fact = TypeVar("Fact", bound=Message)


@dataclass(frozen=True, slots=True)
class Made:
    """Say by which field of its request that which a method made is found, and where."""

    field: str
    service: str
    query: str


MADE = {
    "RequestExpense": Made("purpose", "settlement", "SELECT purpose AS mark FROM expense"),
    "RecordPickup": Made("slip", "settlement", "SELECT slip AS mark FROM pickup_note"),
    "CreateContract": Made("title", "channels", "SELECT title AS mark FROM contract"),
    "FileClient": Made("client_id", "channels", "SELECT client_id AS mark FROM group_filing"),
    # What is sent in one go by the order itself says another carrier.
    "PickShipment": Made(
        "carrier", "channels", "SELECT carrier AS mark FROM shipment WHERE carrier <> 'own'"
    ),
}
WRITERS = {
    "channels": (
        "PickShipment",
        "CancelShipment",
        "DispatchShipment",
        "DeliverShipment",
        "FileClient",
        "ConfirmFiling",
        "RecordMeasuring",
        "CreateContract",
        "AddContractAttachment",
        "ReviewContract",
        "RequestSealUse",
        "ApproveSealUse",
        "SignContract",
        "AddContractOrder",
        "CompleteContract",
        "TerminateContract",
    ),
    "settlement": (
        "RequestExpense",
        "ApproveExpense",
        "RejectExpense",
        "SpendExpense",
        "WithdrawExpense",
        "PayExpense",
        "EvaluateExpense",
        "CloseExpense",
        "RecordPickup",
    ),
}
ONCE = {
    "settlement": {
        "a spent expense is posted once, as much as it says": """
            SELECT e.expense_id::text, e.spent_minor, t.minor, t.times
            FROM (SELECT * FROM expense WHERE spend_date IS NOT NULL) AS e
            FULL JOIN (SELECT subject_id, sum(amount_minor)::bigint AS minor, count(*) AS times
              FROM transfer WHERE purpose = 'expense_spent' GROUP BY 1) AS t
              ON t.subject_id = e.expense_id::text
            WHERE e.spent_minor IS DISTINCT FROM t.minor OR t.times <> 1
            """,
        "a paid expense is posted once, as much as was spent": """
            SELECT e.expense_id::text, e.spent_minor, t.minor, t.times
            FROM (SELECT * FROM expense WHERE pay_date IS NOT NULL) AS e
            FULL JOIN (SELECT subject_id, sum(amount_minor)::bigint AS minor, count(*) AS times
              FROM transfer WHERE purpose = 'expense_paid' GROUP BY 1) AS t
              ON t.subject_id = e.expense_id::text
            WHERE e.spent_minor IS DISTINCT FROM t.minor OR t.times <> 1
            """,
        "an expense is evaluated once, when it is spent": """
            SELECT e.expense_id::text, e.state FROM expense AS e
            LEFT JOIN expense_evaluation AS v USING (expense_id)
            WHERE (e.state IN ('EVALUATED', 'CLOSED')) <> (v.expense_id IS NOT NULL)
              OR (e.spend_date IS NOT NULL) <> (e.state IN ('SPENT', 'EVALUATED', 'CLOSED'))
            """,
        "nothing is spent before it is approved": """
            SELECT e.expense_id::text, e.state, count(a.place) AS approvals FROM expense AS e
            LEFT JOIN expense_approval AS a USING (expense_id)
            WHERE e.state NOT IN ('BUDGET_CHECKED', 'REJECTED')
            GROUP BY e.expense_id, e.state, e.approvals_needed
            HAVING count(a.place) <> e.approvals_needed
            """,
        "pieces are fetched as the notes say, and never more than there were": """
            SELECT l.invoice_id::text, l.product_id, l.picked, n.noted
            FROM (SELECT invoice_id, product_id, sum(picked_quantity)::bigint AS picked,
                sum(quantity)::bigint AS sold FROM invoice_line GROUP BY 1, 2) AS l
            FULL JOIN (SELECT invoice_id, product_id, sum(o.quantity)::bigint AS noted
              FROM pickup_note JOIN pickup_note_line AS o USING (pickup_note_id) GROUP BY 1, 2
            ) AS n USING (invoice_id, product_id)
            WHERE l.picked IS DISTINCT FROM coalesce(n.noted, 0) OR l.picked > l.sold
            """,
    },
    "channels": {
        "a contract went along its moves": """
            SELECT contract_id::text, from_state, before FROM (
              SELECT contract_id, from_state, lag(to_state, 1, 'DRAFT')
                OVER (PARTITION BY contract_id ORDER BY version) AS before
              FROM contract_move) AS moved
            WHERE from_state <> before
            """,
        "a contract is where its last move led": """
            SELECT c.contract_id::text, c.state, coalesce(m.to_state, 'DRAFT') AS moved
            FROM contract AS c LEFT JOIN LATERAL (
              SELECT to_state FROM contract_move AS m WHERE m.contract_id = c.contract_id
              ORDER BY version DESC LIMIT 1) AS m ON true
            WHERE c.state <> coalesce(m.to_state, 'DRAFT')
            """,
        "a signature used one seal": """
            SELECT coalesce(s.contract_id, m.contract_id)::text, s.seals, m.signatures
            FROM (SELECT contract_id, count(*) AS seals FROM seal_use WHERE state = 'USED'
              GROUP BY 1) AS s
            FULL JOIN (SELECT contract_id, count(*) AS signatures FROM contract_move
              WHERE to_state = 'SIGNED' GROUP BY 1) AS m USING (contract_id)
            WHERE s.seals IS DISTINCT FROM m.signatures
            """,
        "a filing has the contract that was signed for it": """
            SELECT f.filing_id::text, f.contract_id::text, c.contract_id::text AS signed
            FROM group_filing AS f FULL JOIN (
              SELECT DISTINCT contract_id, filing_id FROM contract JOIN contract_move
                USING (contract_id) WHERE to_state = 'SIGNED' AND filing_id IS NOT NULL
            ) AS c USING (filing_id)
            WHERE f.contract_id IS DISTINCT FROM c.contract_id
            """,
        "of an order no more is picked than was ordered, and all when it is sent": """
            SELECT o.order_id::text, l.product_id, l.ordered, s.picked, s.gone
            FROM sales_order AS o
            JOIN (SELECT order_id, product_id, sum(quantity)::bigint AS ordered
              FROM sales_order_line GROUP BY 1, 2) AS l USING (order_id)
            LEFT JOIN (SELECT order_id, product_id, sum(x.quantity)::bigint AS picked,
                coalesce(sum(x.quantity) FILTER (WHERE state <> 'PICKED'), 0)::bigint AS gone
              FROM shipment JOIN shipment_line AS x USING (shipment_id)
              WHERE state <> 'CANCELLED' GROUP BY 1, 2) AS s USING (order_id, product_id)
            WHERE s.picked > l.ordered OR (coalesce(s.gone, 0) <> l.ordered AND EXISTS (
              SELECT 1 FROM sales_order_move AS m
              WHERE m.order_id = o.order_id AND m.to_state = 'SHIPPED'))
            """,
    },
}
EXPENSES = """
SELECT expense_id::text, reservation_id::text, budget_line_id::text, amount_minor, spent_minor,
       budget_state, budget_wanted
FROM expense
"""
RESERVED = """
SELECT reservation_id::text, owner_id, state, amount_minor, consumed_minor
FROM budget_reservation WHERE owner_kind = 'expense'
"""
# What planning may say of a reservation, by what its expense wants.
FITTING = {
    "HELD": {"CONFIRMED"},
    "CONSUMED": {"CONSUMED"},
    "RELEASED": {"RELEASED", "EXPIRED"},
}
ENDLESS = {"CONFIRMED", "CONSUMED"}
SIGNED = "SELECT contract_id::text AS id FROM contract_move WHERE to_state = 'SIGNED'"
EVALUATED = "SELECT expense_id::text AS id FROM expense_evaluation"
KEPT = "SELECT expense_id::text AS id FROM expense_evaluation_copy"
FETCHED = "SELECT invoice_id::text AS id FROM invoice WHERE pickup_state = 'COMPLETE'"
TOLD = "SELECT payload FROM event WHERE type LIKE '%.{name}'"


def i1_an_errand_is_done_once(seen: Evidence) -> Broken:
    """What was acknowledged is there once, what was refused is not, and nobody else made any."""
    for method, made in MADE.items():
        found = Counter(row.mark for row in seen.rows(made.service, made.query))
        for request in seen.asked(method):
            mark = request.asked[made.field]
            times, wanted = found.pop(mark, 0), {OK: {1}, REFUSED: {0}}
            if times not in wanted.get(request.outcome, {0, 1}):
                yield f"{method} {mark} is {request.outcome} and there {times} times"
        yield from (f"{method} {mark} was asked for by nobody" for mark in found)


def i2_errands_leave_whole_things(seen: Evidence) -> Broken:
    """What an errand moved is moved once and in order, whoever died meanwhile."""
    for service, queries in ONCE.items():
        for sentence, query in queries.items():
            for row in seen.rows(service, query):
                yield f"{sentence}: not {tuple(row)}"


def i6_budget_is_kept_for_living_expenses(seen: Evidence) -> Broken:
    """Each reservation is what its expense wants, and a line holds what its living ones need."""
    reserved = {row.reservation_id: row for row in seen.rows("planning", RESERVED)}
    living: Counter[str] = Counter()
    for one in seen.rows("settlement", EXPENSES):
        yield from _is_kept(one, reserved.pop(one.reservation_id, None))
        if one.budget_state == one.budget_wanted == "HELD":
            living[one.budget_line_id] += one.amount_minor
    endless = [row for row in reserved.values() if row.state in ENDLESS]
    yield from (f"budget is {row.state} for {row.owner_id}, which is not there" for row in endless)
    last = {mark["budget_line_id"]: mark for mark in seen.marks("budget observed")}
    for line_id, mark in last.items():
        if mark["reserved_minor"] != living[line_id]:
            yield f"line {line_id} reserves {mark['reserved_minor']}, needed is {living[line_id]}"


def _is_kept(one: Any, kept: Any) -> Broken:
    """Hold what planning says of a reservation against what its expense wants."""
    if kept is None or kept.owner_id != one.expense_id:
        yield f"expense {one.expense_id} has no reservation of its own"
    elif one.budget_state != "LOST":
        if one.budget_state != one.budget_wanted or kept.state not in FITTING[one.budget_wanted]:
            yield f"expense {one.expense_id} wants {one.budget_wanted}, its budget is {kept.state}"
        if kept.consumed_minor != one.spent_minor:
            yield f"expense {one.expense_id} spent {one.spent_minor}, not {kept.consumed_minor}"


def i7_errands_are_told_once(seen: Evidence) -> Broken:
    """Each signature, evaluation and last pick-up is told of once; planning has each opinion."""
    signed = [o.contract.contract_id for o in _told(seen, "channels", channels.ContractSigned)]
    opinions = [o.expense_id for o in _told(seen, "settlement", settlement.ExpenseEvaluated)]
    fetched = [o.invoice_id for o in _told(seen, "settlement", settlement.PickupCompleted)]
    evaluated = _ids(seen, "settlement", EVALUATED)
    for what, told, there in (
        ("a signature", signed, _ids(seen, "channels", SIGNED)),
        ("an evaluation", opinions, evaluated),
        ("a last pick-up", fetched, _ids(seen, "settlement", FETCHED)),
        ("at planning an opinion", _ids(seen, "planning", KEPT), evaluated),
    ):
        if sorted(told) != sorted(there):
            yield f"{what} is told of {sorted(told)}, there are {sorted(there)}"


def _told(seen: Evidence, service: str, kind: type[Fact]) -> Iterator[Fact]:
    rows = seen.rows(service, TOLD.format(name=kind.DESCRIPTOR.name))
    return (kind.FromString(bytes(row.payload)) for row in rows)


def _ids(seen: Evidence, service: str, query: str) -> list[str]:
    return [row.id for row in seen.rows(service, query)]


INVARIANTS: tuple[Callable[[Evidence], Broken], ...] = (
    i1_an_errand_is_done_once,
    i2_errands_leave_whole_things,
    i6_budget_is_kept_for_living_expenses,
    i7_errands_are_told_once,
)
