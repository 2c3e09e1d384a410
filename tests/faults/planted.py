"""Known faults, planted one at a time into a copy of the source: does the harness find them?

Each names the file, the words that are replaced and the trial that has to notice. A fault whose
words are no longer in the file stops the run, so that none is planted in vain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.faults import settling, trials
from tests.faults.clients import Habits
from tests.faults.stage import staged
from tests.faults.suite import opened, tell
from tests.faults.trials import Bench

Act = Callable[[Bench], int]

# Sure that every request ends, and that many are sent again after their answer.
INSISTENT = Habits(giving_up=0.0, hasty=0.0, repeating=0.6, paying=0.1)
# Everybody wants the one small limit.
GREEDY = Habits(
    giving_up=0.0, hasty=0.0, delivering=0.0, paying=0.0, partners=("TIGHT",), sources=("OFFICE",)
)
# Many take the same goods and give some of them back.
HURRIED = Habits(
    giving_up=0.0,
    hasty=0.0,
    delivering=0.3,
    cancelling=0.4,
    stocking=0.3,
    partners=("WIDE-1", "WIDE-2"),
    sources=("OFFICE",),
)
# Half of those who hear nothing never ask again, as dead clients would.
FAINT = Habits(giving_up=1.0, hasty=0.0, sources=("OFFICE",), partners=("WIDE-1", "WIDE-2"))


@dataclass(frozen=True, slots=True)
class Fault:
    """Describe one planted fault: words of one file and what stands there instead."""

    name: str
    path: str
    edits: tuple[tuple[str, str], ...]
    trial: Act
    habits: Habits = INSISTENT

    def plant(self, source: Path) -> None:
        """Change the copy.

        Errors: AssertionError when the words are not there exactly once.
        """
        file = source / self.path
        text = file.read_text(encoding="utf-8")
        for old, new in self.edits:
            assert text.count(old) == 1, f"{self.name}: {self.path} no longer has {old!r} once"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")


def names() -> list[str]:
    """Return the names of the planted faults."""
    return [fault.name for fault in FAULTS]


def run(*, seed: int, only: Sequence[str] = ()) -> list[str]:
    """Plant one fault after the other, and return the names of those that were not found."""
    missed = []
    wanted = [one for one in FAULTS if not only or any(part in one.name for part in only)]
    for fault in wanted:
        with staged("planted", plant=fault.plant) as stage:
            bench = opened(stage, seed=seed, quick=True)
            bench.crowd.habits = fault.habits
            found = bench.trial(f"planted: {fault.name}", partial(fault.trial, bench))
        tell(replace(found, violations=found.violations[:3]))
        missed += [] if found.violations else [fault.name]
    return missed + _control(wanted, seed=seed)


def _control(wanted: Sequence[Fault], *, seed: int) -> list[str]:
    """Run the same trials with nothing planted; who finds something there finds anything."""
    failed = []
    with staged("control") as stage:
        bench = opened(stage, seed=seed, quick=True)
        for fault in wanted:
            bench.crowd.habits = fault.habits
            found = bench.trial(f"control of: {fault.name}", partial(fault.trial, bench))
            tell(found)
            failed += [found.name] if found.violations else []
    return failed


FAULTS = (
    Fault(
        "a repeat is not recognised",
        "chassis/rpc/replies.py",
        (
            ("    return lambda: {\n", "    return lambda: {} and {\n"),
            ("ORDER BY caller, request_id\n", "ON CONFLICT DO NOTHING\n"),
        ),
        partial(trials.plain, count=60),
    ),
    Fault(
        "the cursor moves in a transaction of its own",
        "chassis/events/subscription.py",
        (
            (
                "            )\n            keys =",
                "            )\n"
                "        with self._database.transaction() as tx:\n"
                "            keys =",
            ),
        ),
        partial(trials.kill_at, seams=["settlement/OrderApproved/before_apply_commit"], count=40),
    ),
    Fault(
        "a reader is not fenced",
        "chassis/events/cursors.py",
        ((" AND mine.epoch = c.lease_epoch", ""),),
        partial(trials.zombie, count=10),
    ),
    Fault(
        "credit is read without a lock",
        "settlement/credit/storage.py",
        (
            ("tx.execute(query.with_for_update() if lock else query)", "tx.execute(query)"),
            ("ORDER BY partner_id\nFOR UPDATE\n", "ORDER BY partner_id\n"),
            # On an idle machine two of them would hardly ever meet.
            ("sum(amount_minor)\n", "sum(amount_minor) + length(pg_sleep(0.02)::text)\n"),
        ),
        partial(trials.plain, count=160),
        GREEDY,
    ),
    Fault(
        "stock is read without a lock",
        "channels/product/storage.py",
        (("ORDER BY product_id\nFOR UPDATE\n", "ORDER BY product_id\n"),),
        partial(trials.plain, count=160),
        HURRIED,
    ),
    Fault(
        "a reversal is posted twice",
        "settlement/commission/taking_back.py",
        (
            (
                "    ledger.post(tx, moves)\n",
                "    ledger.post(tx, moves)\n"
                "    again = [\n"
                "        type(one)(new_id(), one.debit, one.credit, one.amount, one.reason)\n"
                "        for one in moves\n"
                "    ]\n"
                "    ledger.post(tx, again)\n",
            ),
        ),
        partial(trials.plain, count=60),
        replace(INSISTENT, cancelling=0.6),
    ),
    Fault(
        "events are published after the commit",
        "chassis/rpc/combined.py",
        (
            (
                "        return done, told\n",
                "        self._late = told\n        return done, []\n",
            ),
            (
                '        seam(slots[0].call.method.short, "after_commit")\n',
                '        seam(slots[0].call.method.short, "after_commit")\n'
                "        with self._database.transaction() as tx:\n"
                "            events.append(tx, self._late)\n",
            ),
        ),
        partial(trials.kill_at, seams=["channels/PlaceOrder/after_commit"], count=40),
    ),
    Fault(
        "an answer is stored before the act",
        "chassis/rpc/combined.py",
        (
            (
                "            keep(tx, *self._answers_to(slots, acted),",
                "            done, told = self._answers_to(slots, acted)\n"
                "            if done:\n"
                "                answered = [(x.key, x.fingerprint, x.reply) for x in done]\n"
                "                with self._database.transaction() as early:\n"
                "                    replies.keep(early, answered)\n"
                "                for one in done:\n"
                "                    tx.exec_driver_sql(\n"
                '                        "DELETE FROM idempotency_key WHERE request_id = %s",\n'
                "                        (one.key.request_id,),\n"
                "                    )\n"
                "            keep(tx, done, told,",
            ),
        ),
        partial(trials.kill_at, seams=["channels/PlaceOrder/before_commit"], count=40),
    ),
    Fault(
        "the sequencer ignores gaps",
        "chassis/events/sequencer.py",
        (
            (
                "self.fresh.update(dict.fromkeys(range(self.high + 1, identity), at_s))",
                "pass",
            ),
        ),
        partial(trials.plain, count=160),
    ),
    Fault(
        "reservations never expire",
        "settlement/credit/storage.py",
        (("state = 'PENDING' AND expire_time > %(at)s", "state = 'PENDING'"),),
        partial(trials.kill_at, seams=["channels/PlaceOrder/after_ask"], count=40),
        FAINT,
    ),
    Fault(
        "budget that was set aside never expires",
        "planning/budget/storage.py",
        (
            ("budget_reservation.c.expire_time > at", "sa.true()"),
            ("budget_reservation.c.expire_time <= at", "sa.false()"),
        ),
        partial(trials.kill_at, seams=["settlement/RequestExpense/after_ask"], count=40),
        FAINT,
    ),
    Fault(
        "a run's chunk is committed before its cursor",
        "chassis/work/runner.py",
        (
            (
                "if run.dry_run else step(tx, run.cursor)",
                "if run.dry_run else self._back_door.quietly(lambda own: step(own, run.cursor))",
            ),
        ),
        partial(settling.year_end, count=20, kills={"rebate_pay": ("",)}),
    ),
)
