"""The customers of the demo: 7,043 real ones of a telecom company, from a public data set.

The data set has no names, no phone numbers and no consents. Names and phones are made up from the
row's number; what a customer agreed to is assumed from what the contract says, and both are said
in the demo's output.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mantle.crm.v1 import customer_pb2, customer_service_pb2

from local.places import REPOSITORY

FILE: Final = REPOSITORY / "examples" / "data" / "telecom_customers.csv"

AREAS: Final = ("a1", "a2")
# Columns of the file that name a product the customer has.
PRODUCT_OF: Final = {
    "online_security": "SECURITY",
    "online_backup": "BACKUP",
    "device_protection": "PROTECT",
    "tech_support": "SUPPORT",
    "streaming_tv": "TV",
    "streaming_movies": "MOVIES",
}
INTERNET: Final = "INTERNET"

_FAMILY: Final = (
    "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo"
)
_GIVEN: Final = (
    "Fang Wei Xiuying Na Min Jing Qiang Lei Jun Yong Yan Jie Juan Tao Ming Chao Xia Ping Bo"
)
FAMILY_NAMES: Final = _FAMILY.split(" ")
GIVEN_NAMES: Final = _GIVEN.split(" ")
PHONE_PREFIX: Final = "+86139"


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what the demo knows of one customer, for the simulated answers.

    Units: months, and minor units a month.
    """

    number: int
    customer_id: str
    unit_id: str
    lost: bool
    senior: bool
    month_to_month: bool
    fibre: bool
    tenure_months: int
    monthly_charges_minor: int
    products: frozenset[str]
    tags: tuple[str, ...]
    consents: tuple[str, ...]
    contract: str


def read_customers(count: int | None = None) -> list[Known]:
    """Read the file, or its first rows."""
    with FILE.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        return [_known(number, row) for number, row in enumerate(rows, 1) if _within(number, count)]


def batches(
    customers: Sequence[Known], size: int = 500
) -> Iterator[list[customer_service_pb2.CustomerRow]]:
    """Cut the customers into parts of an import."""
    for start in range(0, len(customers), size):
        yield [row_of(one) for one in customers[start : start + size]]


def row_of(one: Known) -> customer_service_pb2.CustomerRow:
    """Write a customer as a row of an import."""
    return customer_service_pb2.CustomerRow(
        row_number=one.number,
        customer_id=one.customer_id,
        unit_id=one.unit_id,
        kind="END",
        status="LOST" if one.lost else "ACTIVE",
        display_name=name_of(one.number),
        phone=phone_of(one.number),
        tags=one.tags,
        consents=one.consents,
        product_ids=sorted(one.products),
        attributes={
            "tenure_months": customer_pb2.AttributeValue(integer=one.tenure_months),
            "monthly_charges_minor": customer_pb2.AttributeValue(integer=one.monthly_charges_minor),
            "contract": customer_pb2.AttributeValue(text=one.contract),
            "senior": customer_pb2.AttributeValue(truth=one.senior),
        },
    )


def bad_row(number: int) -> customer_service_pb2.CustomerRow:
    """Write a row as a person in a hurry would."""
    return customer_service_pb2.CustomerRow(
        row_number=number, customer_id=f"C{number:05d}", status="HAPPY", phone="call me"
    )


def name_of(number: int) -> str:
    """Make up the name of the customer in a row."""
    family = FAMILY_NAMES[number % len(FAMILY_NAMES)]
    return f"{family} {GIVEN_NAMES[number // len(FAMILY_NAMES) % len(GIVEN_NAMES)]}"


def phone_of(number: int) -> str:
    """Make up the phone number of the customer in a row."""
    return f"{PHONE_PREFIX}{number * 7919 % 100_000_000:08d}"


def _within(number: int, count: int | None) -> bool:
    return count is None or number <= count


def _known(number: int, row: dict[str, str]) -> Known:
    products = {product for column, product in PRODUCT_OF.items() if row[column] == "Yes"}
    if row["internet_service"] != "No":
        products.add(INTERNET)
    return Known(
        number=number,
        customer_id=row["customer_no"],
        unit_id=AREAS[number % len(AREAS)],
        lost=row["churn"] == "Yes",
        senior=row["senior_citizen"] == "1",
        month_to_month=row["contract"] == "Month-to-month",
        fibre=row["internet_service"] == "Fiber optic",
        tenure_months=int(row["tenure"]),
        monthly_charges_minor=int(Decimal(row["monthly_charges"]) * 100),
        products=frozenset(products),
        tags=tuple(_tags(row)),
        consents=tuple(_consents(row)),
        contract=row["contract"],
    )


def _tags(row: dict[str, str]) -> Iterator[str]:
    yield row["contract"].upper().replace("-", "_").replace(" ", "_")
    marks = {
        "FIBRE": row["internet_service"] == "Fiber optic",
        "DSL": row["internet_service"] == "DSL",
        "SENIOR": row["senior_citizen"] == "1",
        "FAMILY": row["dependents"] == "1",
        "PAPERLESS": row["paperless_billing"] == "1",
        "HEAVY_DATA": "Yes" in (row["streaming_tv"], row["streaming_movies"]),
        "NEW": int(row["tenure"]) <= 6,
        "LOYAL": int(row["tenure"]) >= 48,
    }
    yield from (tag for tag, holds in marks.items() if holds)


def _consents(row: dict[str, str]) -> Iterator[str]:
    yield "INBOUND"
    yield "STAFF"
    if row["paperless_billing"] == "1":
        yield "MESSAGE"
    if row["contract"] != "Month-to-month":
        yield "OUTBOUND_CALL"
