"""The telecom customers of `examples/data` as rows of an import."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from mantle.crm.v1.customer_pb2 import AttributeValue
from mantle.crm.v1.customer_service_pb2 import CustomerRow

FILE = Path(__file__).resolve().parents[2] / "examples" / "data" / "telecom_customers.csv"
PRODUCTS = {
    "online_security": "SECURITY",
    "online_backup": "BACKUP",
    "device_protection": "PROTECTION",
    "tech_support": "SUPPORT",
    "streaming_tv": "TV",
    "streaming_movies": "MOVIES",
}
LONG_TENURE_MONTHS = 48


def rows() -> Iterator[CustomerRow]:
    """Give every customer of the file in its order, numbered from 1."""
    with FILE.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(csv.DictReader(file), start=1):
            yield row_of(number, line)


def row_of(number: int, line: dict[str, str]) -> CustomerRow:
    """Make an import row of a line; the file has no names, so one is made up."""
    tenure = int(line["tenure"])
    tags = [f"CONTRACT_{line['contract'].upper().replace('-', '_').replace(' ', '_')}"]
    if tenure >= LONG_TENURE_MONTHS:
        tags.append("LOYAL")
    if line["internet_service"] == "Fiber optic":
        tags.append("FIBER")
    owned = [product for column, product in PRODUCTS.items() if line[column] == "Yes"]
    if line["phone_service"] == "1":
        owned.append("PHONE")
    return CustomerRow(
        row_number=number,
        customer_id=line["customer_no"],
        status="LOST" if line["churn"] == "Yes" else "ACTIVE",
        display_name=f"Customer {line['customer_no']}",
        tags=tags,
        product_ids=owned,
        attributes={
            "tenure_months": AttributeValue(integer=tenure),
            "monthly_charges_minor": AttributeValue(
                integer=int(Decimal(line["monthly_charges"]) * 100)
            ),
            "contract": AttributeValue(text=line["contract"]),
            "internet_service": AttributeValue(text=line["internet_service"]),
            "payment_method": AttributeValue(text=line["payment_method"]),
            "senior_citizen": AttributeValue(truth=line["senior_citizen"] == "1"),
            "paperless_billing": AttributeValue(truth=line["paperless_billing"] == "1"),
        },
    )
