"""The terms of a contract as JSON; decimals and dates as texts."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from channels.contract.domain import Line, Terms
from chassis.money import UnitPrice, format_decimal


def terms_to_json(terms: Terms) -> dict[str, Any]:
    """Write terms."""
    return {
        "terms_version": terms.terms_version,
        "lines": [_line_to_json(line) for line in terms.lines],
        "start_date": terms.start_date.isoformat(),
        "end_date": terms.end_date.isoformat(),
        "conditions": terms.conditions,
        "reason": terms.reason,
        "written_by": terms.written_by,
        "write_time": terms.write_time.isoformat(),
    }


def terms_from_json(row: Mapping[str, Any]) -> Terms:
    """Read terms."""
    return Terms(
        terms_version=row["terms_version"],
        lines=tuple(_line_from_json(line) for line in row["lines"]),
        start_date=date.fromisoformat(row["start_date"]),
        end_date=date.fromisoformat(row["end_date"]),
        conditions=row["conditions"],
        reason=row["reason"],
        written_by=row["written_by"],
        write_time=datetime.fromisoformat(row["write_time"]),
    )


def _line_to_json(line: Line) -> dict[str, Any]:
    return {
        "product_id": line.product_id,
        "quantity": line.quantity,
        "currency_code": line.unit_price.currency_code,
        "unit_price": format_decimal(line.unit_price.amount),
        "floor": format_decimal(line.floor.amount),
        "override_id": line.override_id,
        "template_version": line.template_version,
    }


def _line_from_json(row: Mapping[str, Any]) -> Line:
    return Line(
        product_id=row["product_id"],
        quantity=row["quantity"],
        unit_price=UnitPrice.parse(row["currency_code"], row["unit_price"]),
        floor=UnitPrice.parse(row["currency_code"], row["floor"]),
        override_id=row["override_id"],
        template_version=row["template_version"],
    )
