"""The invariants of what settlement does with money in bulk: bases, rebates, statements, months.

Each is a query for the rows that break a sentence; none, it is hoped.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain

from mantle.settlement.v1 import events_pb2 as facts

from tests.faults.evidence import Evidence
from tests.faults.journal import OK

Broken = Iterator[str]

ONCE = {
    "a payment of an invoice counts once for the base": """
        SELECT a.allocation_id::text, a.amount_minor, count(b.entry_id) AS times,
          sum(b.amount_minor)::bigint AS counted
        FROM receipt_allocation AS a
        LEFT JOIN rebate_base AS b ON b.entry_id = a.allocation_id AND b.kind = 'PURCHASE'
        GROUP BY 1, 2 HAVING sum(b.amount_minor) IS DISTINCT FROM a.amount_minor
        """,
    "what was given back of payments leaves the base once": """
        SELECT coalesce(back.order_id, base.order_id) AS order_id, back.minor AS given, base.minor
        FROM (SELECT i.order_id, sum(a.returned_minor) AS minor
          FROM receipt_allocation AS a JOIN invoice AS i USING (invoice_id)
          WHERE a.returned_minor > 0 GROUP BY 1) AS back
        FULL JOIN (SELECT order_id, sum(amount_minor) AS minor FROM rebate_base
          WHERE kind = 'RETURN' GROUP BY 1) AS base USING (order_id)
        WHERE back.minor IS DISTINCT FROM base.minor
        """,
    "a base entry is of a payment, or of one that was given back": """
        SELECT entry_id::text FROM rebate_base AS b
        LEFT JOIN receipt_allocation AS a ON a.allocation_id = b.entry_id
        WHERE b.kind = 'PURCHASE' AND a.allocation_id IS NULL
        """,
    "a month's base is the sum of its entries": """
        SELECT year, partner_id, month FROM rebate_month AS m FULL JOIN (
          SELECT year, partner_id, currency_code, date_trunc('month', day)::date AS month,
            sum(amount_minor) FILTER (WHERE kind = 'PURCHASE') AS bought,
            sum(amount_minor) FILTER (WHERE kind = 'RETURN') AS back
          FROM rebate_base GROUP BY 1, 2, 3, 4
        ) AS found USING (year, partner_id, currency_code, month)
        WHERE (m.purchases_minor, m.returns_minor)
          IS DISTINCT FROM (coalesce(bought, 0), coalesce(back, 0))
        """,
    "an accrual is posted once, as much as it says": """
        SELECT a.partner_id, a.period, a.delta_minor, t.amount_minor
        FROM rebate_accrual AS a FULL JOIN (
          SELECT transfer_id, amount_minor FROM transfer
          WHERE purpose IN ('rebate_accrued', 'rebate_settled')
            AND 'rebate_expense' = ANY(ARRAY[split_part(debit_account_id, ':', 1),
              split_part(credit_account_id, ':', 1)])
        ) AS t USING (transfer_id)
        WHERE abs(a.delta_minor) IS DISTINCT FROM t.amount_minor
        """,
    "what was settled was accrued before, to the cent": """
        SELECT s.partner_id, s.amount_minor, a.minor
        FROM rebate_settled AS s LEFT JOIN (
          SELECT year, partner_id, currency_code, sum(delta_minor) AS minor
          FROM rebate_accrual GROUP BY 1, 2, 3
        ) AS a USING (year, partner_id, currency_code)
        WHERE s.amount_minor <> coalesce(a.minor, 0)
        """,
    "a rebate is paid once, and posted as it is paid": """
        SELECT p.payment_id::text, p.amount_minor, t.amount_minor AS posted
        FROM rebate_payment AS p FULL JOIN (
          SELECT transfer_id, amount_minor FROM transfer WHERE purpose = 'rebate_paid'
        ) AS t ON t.transfer_id = p.payment_id
        WHERE p.amount_minor IS DISTINCT FROM t.amount_minor
        """,
    "a paid run owes nobody anything": """
        SELECT s.partner_id, s.amount_minor, p.minor FROM rebate_settled AS s
        JOIN rebate_run AS r ON r.run_id = s.run_id AND r.state = 'PAID'
        LEFT JOIN (SELECT partner_id, sum(amount_minor) AS minor FROM rebate_payment GROUP BY 1)
          AS p ON p.partner_id = s.partner_id
        LEFT JOIN (SELECT partner_id, sum(delta_minor) AS minor FROM rebate_adjustment GROUP BY 1)
          AS d ON d.partner_id = s.partner_id
        WHERE coalesce(p.minor, 0) < s.amount_minor + least(coalesce(d.minor, 0), 0)
        """,
    "a rebate on account is one receipt": """
        SELECT p.payment_id::text FROM rebate_payment AS p FULL JOIN (
          SELECT receipt_id, amount_minor FROM receipt WHERE kind = 'REBATE'
        ) AS r ON r.receipt_id = p.payment_id
        WHERE (p.payout = 'ADVANCE' OR p.payout IS NULL)
          AND p.amount_minor IS DISTINCT FROM r.amount_minor
        """,
    "what is taken back of a commission is posted once": """
        SELECT r.reversal_id::text, r.amount_minor, t.amount_minor AS posted
        FROM commission_reversal AS r FULL JOIN (
          SELECT transfer_id, amount_minor FROM transfer WHERE purpose = 'commission_reversed'
        ) AS t ON t.transfer_id = r.reversal_id
        WHERE r.amount_minor IS DISTINCT FROM t.amount_minor
        """,
    "a commission is less by all that was taken back": """
        SELECT e.entry_id::text, e.reversed_minor, sum(r.amount_minor)::bigint AS found
        FROM commission_entry AS e LEFT JOIN commission_reversal AS r USING (entry_id)
        GROUP BY 1, 2 HAVING e.reversed_minor <> coalesce(sum(r.amount_minor), 0)
        """,
    "a stated commission is on one statement": """
        SELECT e.entry_id::text FROM commission_entry AS e
        LEFT JOIN commission_statement AS s USING (statement_id)
        WHERE (e.state = 'STATED' OR e.statement_id IS NOT NULL) AND s.statement_id IS NULL
        """,
    "a statement counts its commissions": """
        SELECT s.statement_id::text, s.entry_count, count(e.entry_id) AS found
        FROM commission_statement AS s LEFT JOIN commission_entry AS e USING (statement_id)
        GROUP BY 1, 2 HAVING s.entry_count <> count(e.entry_id)
        """,
    "a run was done to its end": """
        SELECT kind, key, state, message FROM work_run WHERE NOT dry_run AND state <> 'DONE'
        """,
    "a month is closed by the run of its last attempt": """
        SELECT p.first_day, p.state, r.state AS run_state FROM period AS p
        LEFT JOIN work_run AS r ON r.id = p.run_id AND r.kind = 'close_period'
          AND r.key = to_char(p.first_day, 'YYYY-MM') || '#' || p.attempt
        WHERE p.state = 'CLOSING' OR (p.state = 'CLOSED' AND r.state IS DISTINCT FROM 'DONE')
        """,
    "the months are locked up to the last one that was closed": """
        SELECT l.open_from, last.day FROM ledger_state AS l CROSS JOIN (
          SELECT (max(first_day) + interval '1 month')::date AS day
          FROM period WHERE state = 'CLOSED'
        ) AS last
        WHERE l.open_from IS DISTINCT FROM last.day
        """,
    "a credit note took back what the invoice says": """
        SELECT i.order_id, i.credited_minor, sum(n.amount_minor)::bigint AS noted
        FROM invoice AS i LEFT JOIN credit_note AS n USING (invoice_id)
        GROUP BY 1, 2 HAVING i.credited_minor <> coalesce(sum(n.amount_minor), 0)
        """,
    "a closed month counts the transfers of its days": """
        SELECT p.first_day, p.transfer_count, count(t.transfer_id) AS found
        FROM period AS p LEFT JOIN transfer AS t ON t.kind IN ('POSTED', 'POST_PENDING')
          AND t.post_date >= p.first_day AND t.post_date < p.first_day + interval '1 month'
        WHERE p.state = 'CLOSED'
        GROUP BY 1, 2 HAVING p.transfer_count <> count(t.transfer_id)
        """,
}
RETURNS = "SELECT return_id::text, state, credit_note_issued FROM goods_return"
RETURN_NOTES = """
SELECT credit_note_id::text AS return_id, amount_minor FROM credit_note WHERE reason = 'return'
"""
TOLD = """
SELECT e.type, e.payload FROM event e
WHERE e.type ~ '[.](PeriodLocked|PeriodReopened|RebatePaid|CommissionStated)$' ORDER BY e.id
"""


def i1_a_return_has_one_credit_note(seen: Evidence) -> Broken:
    """Every return that was credited has exactly one credit note, of what it was credited with."""
    wanted: Counter[str] = Counter()
    for line in chain.from_iterable(seen.returned.values()):
        wanted[line.return_id] += line.amount_minor
    notes = {row.return_id: row.amount_minor for row in seen.rows("settlement", RETURN_NOTES)}
    for return_id in wanted.keys() | notes.keys():
        if wanted.get(return_id) != notes.get(return_id):
            yield (
                f"return {return_id} is credited with {wanted.get(return_id)}, its credit note"
                f" says {notes.get(return_id)}"
            )
    states = {row.return_id: row for row in seen.rows("channels", RETURNS)}
    for return_id in wanted:
        one = states[return_id]
        if (one.state, one.credit_note_issued) != ("CLOSED", True):
            yield f"return {return_id} is {one.state}, though its credit note was issued"
    for request in seen.asked("CreditReturn"):
        if request.outcome == OK and request.asked["return_id"] not in wanted:
            yield f"CreditReturn {request.request_id} was acknowledged and credited nothing"


def i2_money_moves_once(seen: Evidence) -> Broken:
    """What runs do with many partners is done once for each, whoever died meanwhile."""
    for sentence, query in ONCE.items():
        for row in seen.rows("settlement", query):
            yield f"{sentence}: not {tuple(row)}"


def i7_settling_is_told_once(seen: Evidence) -> Broken:
    """Each month that was closed, rebate that was paid and statement that was issued is told of
    once."""
    told: dict[str, list[str]] = {"PeriodLocked": [], "RebatePaid": [], "CommissionStated": []}
    reopened: list[str] = []
    for row in seen.rows("settlement", TOLD):
        name = row.type.rpartition(".")[2]
        fact = getattr(facts, name).FromString(bytes(row.payload))
        if name == "PeriodReopened":
            reopened.append(fact.month)
        else:
            told[name].append(_key(fact))
    for month in reopened:
        told["PeriodLocked"].remove(month)
    for name, query in KEYS.items():
        there = sorted(row.key for row in seen.rows("settlement", query))
        if sorted(told[name]) != there:
            yield f"{name} tells {sorted(told[name])}, there are {there}"


def _key(fact: facts.PeriodLocked | facts.RebatePaid | facts.CommissionStated) -> str:
    if isinstance(fact, facts.PeriodLocked):
        return fact.month
    if isinstance(fact, facts.RebatePaid):
        return fact.payment_id
    return fact.statement_id


KEYS = {
    "PeriodLocked": "SELECT to_char(first_day, 'YYYY-MM') AS key FROM period"
    " WHERE state = 'CLOSED'",
    "RebatePaid": "SELECT payment_id::text AS key FROM rebate_payment",
    "CommissionStated": "SELECT statement_id::text AS key FROM commission_statement",
}

INVARIANTS: tuple[Callable[[Evidence], Broken], ...] = (
    i1_a_return_has_one_credit_note,
    i2_money_moves_once,
    i7_settling_is_told_once,
)
