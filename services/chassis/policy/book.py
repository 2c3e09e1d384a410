"""The approved policies of chosen kinds in memory, for look-ups that cannot afford a statement.

A book may be as old as its `age_ms_max`; a process that commits a change of its own expires it at
once. Days need no refresh: the book holds every approved version, those to come included, and picks
by the day it is asked for.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Final

from chassis.database import Transaction
from chassis.policy import storage
from chassis.policy.domain import Policy, PolicyNotFound

AGE_MS_MAX: Final = 1000

_EXPIRED: Final = float("-inf")

_Lines = Mapping[tuple[str, str], Sequence[Policy]]


class PolicyBook:
    """Answer look-ups from memory, and read again when the answer may have become old.

    Units: `age_ms_max` milliseconds of real time, which `now_s` tells in seconds.
    """

    def __init__(
        self,
        kinds: Collection[str],
        *,
        age_ms_max: int = AGE_MS_MAX,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know the kinds; nothing is read before the first look-up."""
        self._kinds = frozenset(kinds)
        self._age_s_max = age_ms_max / 1000
        self._now_s = now_s
        self._lock = threading.Lock()
        self._lines: _Lines = {}
        self._changes = -1
        # Counted here, because the database's count falls when a backup is restored.
        self._edition = 0
        self._due_s = _EXPIRED
        self._expiries = 0

    def expire(self) -> None:
        """Make the next look-up read again, also when a reading is under way."""
        self._expiries += 1
        self._due_s = _EXPIRED

    def in_force(self, tx: Transaction, *, kind: str, scopes: Sequence[str], on: date) -> Policy:
        """Return the version that holds on a day in the nearest of the scopes.

        Errors: PolicyNotFound.
        """
        assert kind in self._kinds, f"the book was not asked to hold {kind}"
        self._refresh(tx)
        for scope in scopes:
            for policy in self._lines.get((kind, scope), ()):
                if policy.holds_on(on):
                    return policy
        raise PolicyNotFound.in_force(kind, scopes, on)

    def edition(self, tx: Transaction) -> int:
        """Return a number that changes with what the book holds, for those who remember what they
        made of it."""
        self._refresh(tx)
        return self._edition

    def all_in_force(self, tx: Transaction, *, kind: str, on: date) -> list[Policy]:
        """Return the versions of a kind that hold on a day, one for each scope that has one."""
        assert kind in self._kinds, f"the book was not asked to hold {kind}"
        self._refresh(tx)
        return [
            policy
            for (of_kind, _), line in self._lines.items()
            if of_kind == kind
            for policy in line
            if policy.holds_on(on)
        ]

    def _refresh(self, tx: Transaction) -> None:
        """Let one thread read while others use what they have; an expired book makes all wait."""
        if self._now_s() < self._due_s:
            return
        if not self._lock.acquire(blocking=self._due_s == _EXPIRED):
            return
        try:
            self._read(tx)
        finally:
            self._lock.release()

    def _read(self, tx: Transaction) -> None:
        now_s = self._now_s()
        if now_s < self._due_s:
            return
        # The count before the rows, so that a change between the two is seen as one next time; the
        # due time after them, so that nobody takes what is not read yet.
        expiries = self._expiries
        changes = storage.change_count(tx)
        if changes != self._changes:
            self._lines = _by_line(storage.approved_of(tx, sorted(self._kinds)))
            self._changes = changes
            self._edition += 1
        if expiries == self._expiries:
            self._due_s = now_s + self._age_s_max


def _by_line(policies: Sequence[Policy]) -> _Lines:
    lines: dict[tuple[str, str], list[Policy]] = {}
    for policy in policies:
        lines.setdefault((policy.kind, policy.scope), []).append(policy)
    return lines
