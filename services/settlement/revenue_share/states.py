"""How far schemes and distributions are."""

from enum import StrEnum


class SchemeState(StrEnum):
    """How far a scheme is."""

    DRAFT = "DRAFT"
    DISCUSSED = "DISCUSSED"
    TRIAL = "TRIAL"
    EFFECTIVE = "EFFECTIVE"


class State(StrEnum):
    """How far a distribution is."""

    CALCULATED = "CALCULATED"
    APPROVED = "APPROVED"
    PAID = "PAID"
    REJECTED = "REJECTED"
