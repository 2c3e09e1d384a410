"""What selections and reports hold beside their columns, as JSON; decimals and money as texts and
whole numbers."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from channels.grading.domain import GradeTerms, Rating, Score
from channels.partner.domain import Credit, Grade, Kind
from channels.selection.domain import CheckKind, DossierCheck, FinancialItem, Place, Prospect
from chassis.money import Money


def prospects_to_json(prospects: Iterable[Prospect]) -> list[dict[str, Any]]:
    """Write prospects."""
    return [
        {
            "partner_id": one.partner_id,
            "name": one.name,
            "kind": one.kind,
            "area": one.area,
            "willing": one.willing,
            "note": one.note,
        }
        for one in prospects
    ]


def prospects_from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Prospect, ...]:
    """Read prospects."""
    return tuple(Prospect(**{**row, "kind": Kind(row["kind"])}) for row in rows)


def places_to_json(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Write places."""
    return [
        {
            "place": one.place,
            "area": one.area,
            "office_unit_id": one.office_unit_id,
            "partner_id": one.partner_id,
            "replaced": list(one.replaced),
            "report_id": one.report_id,
            "vacant": one.vacant,
        }
        for one in places
    ]


def places_from_json(rows: Iterable[Mapping[str, Any]]) -> tuple[Place, ...]:
    """Read places."""
    return tuple(Place(**{**row, "replaced": tuple(row["replaced"])}) for row in rows)


def rating_to_json(rating: Rating) -> dict[str, Any]:
    """Write what points are worth."""
    terms = rating.terms
    return {
        "points": str(rating.points),
        "scores": [[one.criterion, str(one.points), one.source] for one in rating.scores],
        "policy_ids": list(rating.policy_ids),
        "terms": None
        if terms is None
        else {
            "grade": terms.grade,
            "points_min": str(terms.points_min),
            "currency_code": terms.credit.limit.currency_code,
            "limit_minor": terms.credit.limit.amount_minor,
            "credit_days": terms.credit.days,
            "approver_role": terms.approver_role,
        },
    }


def rating_from_json(row: Mapping[str, Any]) -> Rating:
    """Read what points are worth."""
    terms = row["terms"]
    return Rating(
        points=Decimal(row["points"]),
        scores=tuple(Score(name, Decimal(points), by) for name, points, by in row["scores"]),
        terms=None
        if terms is None
        else GradeTerms(
            grade=Grade(terms["grade"]),
            points_min=Decimal(terms["points_min"]),
            credit=Credit(
                Money(terms["currency_code"], terms["limit_minor"]), terms["credit_days"]
            ),
            approver_role=terms["approver_role"],
        ),
        policy_ids=tuple(row["policy_ids"]),
    )


def checks_to_json(checks: Iterable[DossierCheck]) -> list[list[Any]]:
    """Write the checks of a dossier."""
    return [[one.kind, one.passed, one.note] for one in checks]


def checks_from_json(rows: Iterable[list[Any]]) -> tuple[DossierCheck, ...]:
    """Read the checks of a dossier."""
    return tuple(DossierCheck(CheckKind(kind), passed, note) for kind, passed, note in rows)


def items_to_json(items: Iterable[FinancialItem]) -> list[list[str]]:
    """Write the figures of a report."""
    return [[one.name, one.value, one.source] for one in items]


def items_from_json(rows: Iterable[list[str]]) -> tuple[FinancialItem, ...]:
    """Read the figures of a report."""
    return tuple(FinancialItem(*row) for row in rows)
