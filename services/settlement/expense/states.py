"""How far an expense is, and what became of the money that was set aside for it."""

from enum import IntEnum, StrEnum


class State(StrEnum):
    """How far an expense is: the last milestone of its process."""

    DRAFT = "DRAFT"
    BUDGET_CHECKED = "BUDGET_CHECKED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    SPENT = "SPENT"
    EVALUATED = "EVALUATED"
    CLOSED = "CLOSED"


ENDED = frozenset({State.REJECTED, State.WITHDRAWN, State.CLOSED})


class BudgetState(StrEnum):
    """What became of the reservation at planning, as far as planning has said so."""

    PENDING = "PENDING"
    HELD = "HELD"
    LOST = "LOST"
    CONSUMED = "CONSUMED"
    RELEASED = "RELEASED"


class Book(StrEnum):
    """The two books in which expenses are kept apart."""

    SALES = "SALES"
    SERVICE = "SERVICE"


class Step(IntEnum):
    """The steps of the process."""

    REQUEST = 1
    CHECK = 2
    DECIDE = 3
    SPEND = 4
    PAY = 5
    EVALUATE = 6
    CLOSE = 7
