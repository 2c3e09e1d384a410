"""The invariants I1 to I8, each a function that yields a sentence for everything that breaks it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from mantle.channels.v1 import events_pb2 as facts
from mantle.settlement.v1 import events_pb2 as settled

from tests.faults import invariants_errands, invariants_money
from tests.faults.evidence import ENDED, NOT_YET, PLACING, Evidence
from tests.faults.journal import OK, REFUSED, Request
from tests.support.books import CHAIN, RULES, broken_block

HEAL_S = 5.0
REALISED_MINOR, CARD_MINOR = 500, 2_000
SET_ASIDE = {"ALLOCATED", "PARTIALLY_ALLOCATED"}
BACK_ORDERS = """
SELECT i.product_id, sum(i.open_quantity)::bigint AS open_quantity
FROM coordination_item AS i JOIN sales_order AS o USING (order_id)
WHERE o.state = 'PARTIALLY_ALLOCATED'
GROUP BY i.product_id
"""
SENT = """
SELECT o.state, l.product_id, sum(l.quantity)::bigint AS quantity
FROM shipment AS s JOIN shipment_line AS l USING (shipment_id)
JOIN sales_order AS o USING (order_id)
WHERE s.state IN ('SHIPPED', 'DELIVERED') GROUP BY 1, 2
"""
HANDED_OVER = {"DELIVERED", "INVOICED", "SETTLED", "CLOSED"}
WRITERS = {
    "channels": (
        *invariants_errands.WRITERS["channels"],
        "PlaceOrder",
        "ShipOrder",
        "DeliverOrder",
        "CancelOrder",
        "ReceiveStock",
        "RequestReturn",
        "ApproveReturn",
        "ReceiveReturn",
        "InspectReturn",
        "CreditReturn",
    ),
    "crm": ("Decide", "ShowOffer", "AnswerOffer"),
    "settlement": (
        *invariants_errands.WRITERS["settlement"],
        "RecordReceipt",
        "MatchReceipt",
        "AccrueRebates",
        "SettleCommission",
        "ClosePeriod",
        "StartRebateRun",
        "ReviewRebateRun",
        "ApproveRebateRun",
        "PayRebateRun",
    ),
}
# On which account a commission is owed; nobody is paid in the trials.
OWED_ON = {
    "ACCRUED": "commission_accrued",
    "CONFIRMED": "commission_payable",
    "STATED": "commission_payable",
}
# Whatever moves one of these is a cost or a revenue, of which planning hears.
ACTUALS = {"commission_expense", "revenue"}

Broken = Iterator[str]


def i1_acknowledged_is_there_once(seen: Evidence) -> Broken:
    """Every acknowledged effect is there exactly once, and every answer to one id is the same."""
    for request in seen.requests.values():
        digests = {answer["digest"] for answer in request.answers}
        if len(digests) > 1:
            yield f"{_name(request)} got {len(digests)} different answers"
        if request.answers and request.last == REFUSED:
            yield f"{_name(request)} was refused after it had been acknowledged"
    for request in seen.asked(*PLACING):
        customer_id, told = request.asked["customer_id"], request.outcome
        found = [order.order_id for order in seen.orders_of.get(customer_id, [])]
        for order_id in {answer["order_id"] for answer in request.answers} - set(found):
            yield f"{_name(request)} was told order {order_id!r}, which is not there"
        if told == OK and len(found) != 1:
            yield f"{_name(request)} was acknowledged and has {len(found)} orders"
    yield from _moves_are_there(seen)
    yield from _receipts_are_there(seen)


def _moves_are_there(seen: Evidence) -> Broken:
    reached = {"ShipOrder": "SHIPPED", "DeliverOrder": "DELIVERED", "CancelOrder": "CANCELLED"}
    for request in seen.asked(*reached):
        order = seen.orders.get(request.asked["order_id"])
        times = order.moves.count(reached[request.method]) if order else 0
        if request.outcome == OK and times != 1:
            yield f"{_name(request)} was acknowledged and the order made the move {times} times"


def _receipts_are_there(seen: Evidence) -> Broken:
    rows = seen.rows("settlement", RECEIPTS)
    booked = {row.reference: row.amount_minor for row in rows}
    for request in seen.asked("RecordReceipt"):
        amount = booked.pop(request.asked["reference"], None)
        if request.outcome == OK and amount != request.asked["amount_minor"]:
            yield f"{_name(request)} was acknowledged, booked is {amount}"
        if request.outcome == REFUSED and amount is not None:
            yield f"{_name(request)} was refused and is booked"
    yield from (f"receipt {reference} was sent by nobody" for reference in booked)


def i1_each_order_earns_once(seen: Evidence) -> Broken:
    """Every approved order has exactly the accruals that it earns, and no other has any."""
    found = defaultdict(list)
    for entry in seen.entries:
        found[entry.order_id].append(entry)
    for order in seen.orders.values():
        wanted = sorted(_earned(order))
        got = sorted(
            (one.event_kind, one.product_id, one.amount_minor) for one in found[order.order_id]
        )
        if got != wanted:
            yield f"order {order.order_id} ({order.state}) earns {wanted} and has {got}"
        for entry in found.pop(order.order_id):
            low, high = _taken_back(seen, order, entry)
            if not low <= entry.reversed_minor <= high:
                yield (
                    f"order {order.order_id} is {order.state}, of its commission"
                    f" {entry.reversed_minor} is taken back, not {low} to {high}"
                )
            if (entry.state == "REVERSED") != (entry.reversed_minor == entry.amount_minor):
                yield f"commission {entry.entry_id} is {entry.state} less {entry.reversed_minor}"
    for order_id in found:
        yield f"commission for order {order_id}, which does not exist"


def _earned(order: Any) -> Iterator[tuple[str, str, int]]:
    if not order.contract_number:
        return
    if order.source == "OFFER":
        yield "offer_realised", "", REALISED_MINOR
    if order.source == "PARTNER":
        for product_id, quantity in order.lines.items():
            if product_id.startswith("CARD"):
                yield "product_sale", product_id, CARD_MINOR * quantity


def _taken_back(seen: Evidence, order: Any, entry: Any) -> tuple[int, int]:
    """Say how much of a commission went back with its order or with what came back of it."""
    if order.state == "CANCELLED":
        return entry.amount_minor, entry.amount_minor
    lines = seen.returned[order.order_id]
    if entry.product_id:
        back = sum(one.accepted for one in lines if one.product_id == entry.product_id)
        return CARD_MINOR * back, CARD_MINOR * back
    minor = sum(one.amount_minor for one in lines)
    if minor == order.total_minor:
        return entry.amount_minor, entry.amount_minor
    share = entry.amount_minor * minor // order.total_minor
    return share, share + (1 if minor else 0)


def i2_nothing_twice_and_nothing_unasked(seen: Evidence) -> Broken:
    """Nothing is there without a request, and nothing twice for one key."""
    placing = {one.asked["customer_id"]: one for one in seen.asked(*PLACING)}
    for customer_id, orders in seen.orders_of.items():
        if customer_id not in placing:
            yield f"order {orders[0].order_id} for {customer_id} was asked for by nobody"
        if len(orders) > 1:
            yield f"{customer_id} asked once and has {len(orders)} orders"
    yield from _acted_on_once(seen)
    purposes = Counter((one.purpose, one.subject_id) for one in seen.transfers)
    for (purpose, subject), times in purposes.items():
        # What is taken back in parts has a posting for each, which is counted with the money.
        if purpose in ("commission_accrued", "commission_confirmed") and times > 1:
            yield f"{subject} was posted {times} times as {purpose}"


def _acted_on_once(seen: Evidence) -> Broken:
    for service, methods in WRITERS.items():
        done = _acted(seen, service)
        for request in seen.asked(*methods):
            times = done[request.method, request.request_id]
            if times > 1 or (times == 0 and request.outcome == OK):
                yield f"{_name(request)} ({request.outcome}) was acted on {times} times"


def i3_a_refusal_left_nothing(seen: Evidence) -> Broken:
    """What was definitely refused has left nothing behind."""
    refused = [one for one in seen.requests.values() if one.outcome == REFUSED]
    for request in refused:
        orders = seen.orders_of.get(request.asked.get("customer_id", ""), [])
        if orders and request.method in PLACING:
            yield f"{_name(request)} was refused ({request.refusals[-1]}) and has an order"
    for service, methods in WRITERS.items():
        done = _acted(seen, service)
        for request in refused:
            if request.method in methods and done[request.method, request.request_id]:
                yield f"{_name(request)} was refused and acted on"
        unanswered = "SELECT request_id FROM idempotency_key WHERE reply IS NULL"
        for row in seen.rows(service, unanswered):
            yield f"key {row.request_id} of {service} is kept without an answer"


def i4_the_ledger_balances(seen: Evidence) -> Broken:
    """Debits equal credits, balances equal sums, and the ledger says what the entries say."""
    debits: Counter[str] = Counter()
    credits_: Counter[str] = Counter()
    for one in seen.transfers:
        debits[one.debit_account_id] += one.amount_minor
        credits_[one.credit_account_id] += one.amount_minor
    accounts = seen.rows(
        "settlement", "SELECT account_id, code, holder_id, debits_minor, credits_minor FROM account"
    )
    for one in accounts:
        kept, summed = (
            (one.debits_minor, one.credits_minor),
            (debits[one.account_id], credits_[one.account_id]),
        )
        if kept != summed:
            yield f"account {one.account_id} says {kept}, its transfers sum to {summed}"
    if (out := sum(one.debits_minor for one in accounts)) != (
        into := sum(one.credits_minor for one in accounts)
    ):
        yield f"debits are {out}, credits {into}"
    for rule, query in RULES.items():
        [broken] = seen.rows("settlement", f"SELECT count(*) AS rows FROM ({query}) AS found")
        if broken.rows:
            yield f"{broken.rows} rows break the rule that {rule}"
    for one in broken_block(seen.rows("settlement", CHAIN)):
        yield f"the chain of the ledger breaks at {one}"
    yield from _books_agree(seen, accounts)


def _books_agree(seen: Evidence, accounts: list[Any]) -> Broken:
    standing: Counter[tuple[str, str]] = Counter()
    for entry in seen.entries:
        if code := OWED_ON.get(entry.state):
            standing[code, entry.partner_id] += entry.amount_minor - entry.reversed_minor
    invoices = seen.rows("settlement", "SELECT partner_id, state, open_minor FROM invoice")
    owed: Counter[str] = Counter()
    for one in invoices:
        if one.state != "CREDITED":
            owed[one.partner_id] += one.open_minor
    for one in accounts:
        balance = one.credits_minor - one.debits_minor
        stands = standing[one.code, one.holder_id]
        if one.code in OWED_ON.values() and balance != stands:
            yield f"{one.account_id} holds {balance}, its entries {stands}"
        if one.code == "receivable" and -balance != owed[one.holder_id]:
            yield f"{one.account_id} holds {-balance}, its invoices {owed[one.holder_id]}"


def i5_limits_are_kept(seen: Evidence) -> Broken:
    """Stock, credit and budget are never exceeded: credit by the history, not only at the end."""
    yield from _stock_is_kept(seen)
    yield from _credit_is_kept(seen)
    for line in seen.rows("planning", BUDGETS):
        if line.spent_minor + line.held_minor > line.amount_minor:
            yield f"budget {line.budget_line_id} of {line.amount_minor} holds too much"
        if line.spent_minor != line.consumed_minor:
            yield f"budget {line.budget_line_id} spent {line.spent_minor}, consumed otherwise"


def _set_aside(seen: Evidence) -> Counter[str]:
    """Count what living orders have in the warehouse: what they want, less what they wait for, less
    what was sent in a part."""
    found: Counter[str] = Counter()
    for order in seen.orders.values():
        found.update(order.lines if order.state in SET_ASIDE else {})
    for line in seen.rows("channels", BACK_ORDERS):
        found[line.product_id] -= line.open_quantity
    for line in seen.rows("channels", SENT):
        found[line.product_id] -= line.quantity if line.state in SET_ASIDE else 0
    return found


def _stock_is_kept(seen: Evidence) -> Broken:
    allocated = _set_aside(seen)
    shipped: Counter[str] = Counter()
    for line in seen.rows("channels", SENT):
        shipped[line.product_id] += line.quantity
    restocked: Counter[str] = Counter()
    for back in chain.from_iterable(seen.returned.values()):
        restocked[back.product_id] += back.restocked
    received = [one for one in seen.asked("ReceiveStock")]
    sure = sum(one.asked["quantity"] for one in received if one.outcome == OK)
    perhaps = sum(one.asked["quantity"] for one in received if one.outcome not in (OK, REFUSED))
    for row in seen.rows("channels", "SELECT product_id, on_hand, allocated FROM product_stock"):
        if row.allocated != allocated[row.product_id] or row.allocated > row.on_hand:
            yield (
                f"stock {row.product_id}: {row.allocated} set aside of {row.on_hand}, orders hold "
                f"{allocated[row.product_id]}"
            )
        low = sure - shipped[row.product_id] + restocked[row.product_id]
        if not low <= row.on_hand <= low + perhaps:
            yield f"stock {row.product_id} is {row.on_hand}, received less sent, and back: {low}"


def _credit_is_kept(seen: Evidence) -> Broken:
    """Follow each partner's debt through time; it may never pass the limit."""
    limits = {
        row.partner_id: row.credit_limit_minor
        for row in seen.rows("channels", "SELECT partner_id, credit_limit_minor FROM partner")
    }
    debts: Counter[str] = Counter()
    worst: Counter[str] = Counter()
    for _, partner_id, minor in sorted(_debt_moves(seen)):
        debts[partner_id] += minor
        worst[partner_id] = max(worst[partner_id], debts[partner_id])
    for partner_id, minor in worst.items():
        if minor > limits[partner_id]:
            yield f"partner {partner_id} owed {minor} with a limit of {limits[partner_id]}"


def _debt_moves(seen: Evidence) -> Iterator[tuple[float, str, int]]:
    approved: set[str] = set()
    for row in seen.rows("channels", ORDER_EVENTS):
        if row.type.endswith("OrderApproved"):
            order = facts.OrderApproved.FromString(row.payload).order
            approved.add(order.order_id)
            yield seen.time_of(row.record_time), order.partner_id, order.total.amount_minor
        else:
            order = facts.OrderCancelled.FromString(row.payload).order
            if order.order_id in approved:
                back = sum(one.amount_minor for one in seen.returned[order.order_id])
                left = order.total.amount_minor - back
                yield seen.time_of(row.record_time), order.partner_id, -left
    for row in seen.rows("settlement", NOTES):
        note = settled.CreditNoteIssued.FromString(row.payload)
        if note.reason == "return":
            yield seen.time_of(row.record_time), note.partner_id, -note.amount.amount_minor
    for row in seen.rows("settlement", PAID):
        asked = seen.requests[row.request_id].asked
        yield seen.time_of(row.record_time), asked["partner_id"], -asked["amount_minor"]


def i6_no_reservation_without_an_owner(seen: Evidence) -> Broken:
    """What is set aside has a living owner once the time of the others is over."""
    living: Counter[str] = Counter()
    wanted = {}
    for order in seen.orders.values():
        if order.contract_number and order.state not in (*ENDED, *HANDED_OVER):
            living[order.partner_id] += order.total_minor
            wanted[order.order_id] = order.total_minor
    for row in seen.rows("settlement", RESERVATIONS):
        if row.state == "CONFIRMED" and wanted.get(row.owner_id) != row.amount_minor:
            yield f"credit {row.amount_minor} is kept for order {row.owner_id}, which is not alive"
        wanted.pop(row.owner_id, None) if row.state == "CONFIRMED" else None
    yield from (f"order {order_id} lives without its credit" for order_id in wanted)
    last = {line["partner_id"]: line for line in seen.marks("observed")}
    for partner_id, line in last.items():
        if line["reserved_minor"] != living[partner_id]:
            yield (
                f"partner {partner_id} has {line['reserved_minor']} set aside, its living orders "
                f"are {living[partner_id]}"
            )


def i7_each_event_has_one_effect(seen: Evidence) -> Broken:
    """Logs have no gap, cursors stand at their ends, nothing is parked, effects are complete."""
    heads = {}
    for service in seen.databases:
        [row] = seen.rows(service, HEADS)
        heads[service] = row.head
        if not row.events == row.numbered == row.head:
            yield f"the log of {service}: {row.events} events, {row.numbered} up to {row.head}"
    for service in seen.databases:
        for row in seen.rows(service, CURSORS):
            if row.position != heads[row.source]:
                yield f"{service} stands at {row.position} of {heads[row.source]} of {row.source}"
        for row in seen.rows(service, PARKED):
            yield f"{service} has parked {row.type} of {row.ordering_key}: {row.reason}"
    yield from _orders_are_told_in_order(seen)
    yield from _copies_agree(seen)
    yield from _the_zombie_did_nothing(seen)


def _orders_are_told_in_order(seen: Evidence) -> Broken:
    """See that the facts of an order stand in the log in the order in which they came about."""
    versions: Counter[str] = Counter()
    for row in seen.rows("channels", FACTS):
        order = getattr(facts, row.type.rpartition(".")[2]).FromString(row.payload).order
        if order.version <= versions[order.order_id]:
            yield f"version {order.version} of order {order.order_id} is told at {row.position}"
        versions[order.order_id] = order.version


def _copies_agree(seen: Evidence) -> Broken:
    """Compare what consumers made of events with what their owners have."""
    campaigns = {one.entry_id for one in seen.entries if one.campaign_id} | {
        row.invoice_id
        for row in seen.rows(
            "settlement", "SELECT invoice_id::text FROM invoice WHERE campaign_id <> ''"
        )
    }
    posted = {
        one.transfer_id
        for one in seen.transfers
        if ACTUALS & {one.debit_code, one.credit_code} and one.subject_id in campaigns
    }
    copied = {
        row.transfer_id
        for row in seen.rows("planning", "SELECT transfer_id::text FROM campaign_actual")
    }
    if posted != copied:
        yield f"planning has {len(copied)} actuals of {len(posted)} that settlement posted"
    for row in seen.rows("settlement", "SELECT order_id, state FROM invoice"):
        order = seen.orders[row.order_id]
        if not {"INVOICED", "CANCELLED"} & set(order.moves):
            yield f"order {row.order_id} is {order.state} and has an invoice"
    invoiced = {row.order_id for row in seen.rows("settlement", "SELECT order_id FROM invoice")}
    for order in seen.orders.values():
        if "DELIVERED" in order.moves and order.order_id not in invoiced:
            yield f"order {order.order_id} was delivered and has no invoice"
    offers = {row.offer_id: row for row in seen.rows("crm", OFFERS)}
    for order in seen.orders.values():
        offer = offers.get(order.offer_id)
        if offer is not None and offer.order_id != order.order_id:
            yield f"offer {offer.offer_id} is {offer.state} and has order {order.order_id}"


def _the_zombie_did_nothing(seen: Evidence) -> Broken:
    """See that who came back after its time applied nothing that its successor had applied."""
    for mark in seen.marks("resumed"):
        others = {
            (one.source, one.position)
            for one in seen.applied
            if one.service == mark["service"] and one.instance != mark["instance"]
        }
        for one in seen.applied:
            is_zombie = one.instance == mark["instance"] and one.at_s >= mark["at_s"]
            if is_zombie and (one.source, one.position) in others:
                yield f"the zombie {one.instance} applied {one.source} {one.position} again"


def i8_success_comes_back_soon(seen: Evidence) -> Broken:
    """After healing the first definite answer comes within 5 s, and no transaction stays open."""
    for mark in seen.marks("healed"):
        later = [line for line in seen.lines if line["at_s"] > mark["at_s"]]
        sent = next((one["at_s"] for one in later if one["act"] == "asked"), None)
        # Whatever is killed again before anybody succeeded has had no longer to succeed.
        came = next((one["at_s"] for one in later if _is_definite(one)), None)
        if sent is not None and came is not None and came - max(sent, mark["at_s"]) > HEAL_S:
            yield f"after {mark['service']} was whole, the first answer took {came - sent:.1f} s"
    for service in seen.databases:
        for row in seen.rows(service, OPEN):
            yield f"a session of {service} has been in a transaction for {row.age_s:.0f} s"


def _is_definite(line: dict[str, Any]) -> bool:
    """Tell whether a service answered with yes or no; a no for want of a peer's word is none."""
    return line["act"] in (OK, "killed") or (line["act"] == REFUSED and line["reason"] != NOT_YET)


def _acted(seen: Evidence, service: str) -> Counter[tuple[str, str]]:
    rows = seen.rows(
        service,
        "SELECT method, request_id::text FROM audit_entry"
        " WHERE outcome = 'DONE' AND request_id IS NOT NULL",
    )
    return Counter((row.method, row.request_id) for row in rows)


def _name(request: Request) -> str:
    return f"{request.method} {request.request_id}"


BUDGETS = """
SELECT l.budget_line_id::text, l.amount_minor, l.spent_minor,
       (SELECT coalesce(sum(amount_minor - consumed_minor), 0) FROM budget_reservation r
        WHERE r.budget_line_id = l.budget_line_id AND r.state = 'CONFIRMED') AS held_minor,
       (SELECT coalesce(sum(consumed_minor), 0) FROM budget_reservation r
        WHERE r.budget_line_id = l.budget_line_id) AS consumed_minor
FROM budget_line l
"""
ORDER_EVENTS = """
SELECT e.type, e.payload, e.record_time FROM event e JOIN event_position p USING (id)
WHERE e.type LIKE '%.OrderApproved' OR e.type LIKE '%.OrderCancelled' ORDER BY p.position
"""
FACTS = """
SELECT e.type, e.payload, p.position FROM event e JOIN event_position p USING (id)
WHERE e.type ~ '[.]Order(Approved|Held|Shipped|Delivered|Cancelled)$' ORDER BY p.position
"""
NOTES = "SELECT payload, record_time FROM event WHERE type LIKE '%.CreditNoteIssued'"
PAID = """
SELECT request_id::text, record_time FROM audit_entry
WHERE method = 'RecordReceipt' AND outcome = 'DONE'
"""
RECEIPTS = "SELECT reference, amount_minor FROM receipt WHERE kind = 'MONEY'"
RESERVATIONS = "SELECT owner_id, state, amount_minor FROM credit_reservation"
HEADS = """
SELECT (SELECT count(*) FROM event) AS events, count(*) AS numbered,
       coalesce(max(position), 0) AS head
FROM event_position
"""
CURSORS = "SELECT source, min(position) AS position FROM subscription_cursor GROUP BY source"
PARKED = "SELECT type, ordering_key, reason FROM parked_event WHERE applied_time IS NULL"
OFFERS = "SELECT offer_id::text, state, order_id FROM offer"
OPEN = """
SELECT extract(epoch FROM now() - xact_start) AS age_s FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in%'
  AND xact_start < now() - interval '5 s'
"""

INVARIANTS: tuple[Callable[[Evidence], Broken], ...] = (
    i1_acknowledged_is_there_once,
    i1_each_order_earns_once,
    i2_nothing_twice_and_nothing_unasked,
    i3_a_refusal_left_nothing,
    i4_the_ledger_balances,
    i5_limits_are_kept,
    i6_no_reservation_without_an_owner,
    i7_each_event_has_one_effect,
    *invariants_money.INVARIANTS,
    *invariants_errands.INVARIANTS,
    i8_success_comes_back_soon,
)
