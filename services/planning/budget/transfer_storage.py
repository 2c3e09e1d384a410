"""Caps and transfers; a cap's row is the lock of the sum of the lines below it."""

from typing import Any

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.money import Money
from chassis.period import DateRange
from planning.budget import storage
from planning.budget.transfer import (
    BudgetCapNotFound,
    BudgetTransferNotFound,
    Cap,
    Transfer,
    TransferState,
)

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

budget_cap = sa.Table(
    "budget_cap",
    TABLES,
    sa.Column("budget_cap_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
)

budget_transfer = sa.Table(
    "budget_transfer",
    TABLES,
    sa.Column("transfer_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("from_line_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("to_line_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("request_time", TIME, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decide_time", TIME),
    sa.Column("note", sa.Text, nullable=False),
)


def add_cap(tx: Transaction, cap: Cap) -> None:
    """Store a new cap."""
    tx.execute(
        sa.insert(budget_cap).values(
            budget_cap_id=cap.budget_cap_id,
            unit_id=cap.unit_id,
            name=cap.name,
            start_date=cap.period.start,
            end_date=cap.period.end,
            currency_code=cap.amount.currency_code,
            amount_minor=cap.amount.amount_minor,
            created_by=cap.created_by,
            create_time=cap.create_time,
        )
    )


def lock_cap(tx: Transaction, budget_cap_id: str) -> None:
    """Let one transaction at a time change what is below a cap."""
    tx.execute(
        sa.select(budget_cap.c.budget_cap_id)
        .where(budget_cap.c.budget_cap_id == budget_cap_id)
        .with_for_update()
    )


def get_cap(tx: Transaction, budget_cap_id: str) -> Cap:
    """Return a cap with what is below it now.

    Errors: BudgetCapNotFound.
    """
    query = sa.select(*budget_cap.c).where(budget_cap.c.budget_cap_id == budget_cap_id)
    row = tx.execute(query).first()
    if row is None:
        raise BudgetCapNotFound(budget_cap_id)
    return Cap(
        budget_cap_id=row.budget_cap_id,
        unit_id=row.unit_id,
        name=row.name,
        period=DateRange(row.start_date, row.end_date),
        amount=Money(row.currency_code, row.amount_minor),
        created_by=row.created_by,
        create_time=row.create_time,
        allocated=Money(row.currency_code, storage.below_cap(tx, budget_cap_id)),
    )


def add_transfer(tx: Transaction, transfer: Transfer) -> None:
    """Store a new transfer."""
    tx.execute(
        sa.insert(budget_transfer).values(
            transfer_id=transfer.transfer_id,
            from_line_id=transfer.from_line_id,
            to_line_id=transfer.to_line_id,
            unit_id=transfer.unit_id,
            currency_code=transfer.amount.currency_code,
            amount_minor=transfer.amount.amount_minor,
            reason=transfer.reason,
            process_id=transfer.process_id,
            requested_by=transfer.requested_by,
            request_time=transfer.request_time,
            **_decision(transfer),
        )
    )


def save_transfer(tx: Transaction, transfer: Transfer) -> None:
    """Store what was decided."""
    tx.execute(
        sa.update(budget_transfer)
        .where(budget_transfer.c.transfer_id == transfer.transfer_id)
        .values(**_decision(transfer))
    )


def get_transfer(tx: Transaction, transfer_id: str, *, lock: bool = False) -> Transfer:
    """Return a transfer.

    Errors: BudgetTransferNotFound.
    """
    query = sa.select(*budget_transfer.c).where(budget_transfer.c.transfer_id == transfer_id)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise BudgetTransferNotFound(transfer_id)
    return Transfer(
        transfer_id=row.transfer_id,
        from_line_id=row.from_line_id,
        to_line_id=row.to_line_id,
        unit_id=row.unit_id,
        amount=Money(row.currency_code, row.amount_minor),
        reason=row.reason,
        state=TransferState(row.state),
        process_id=row.process_id,
        requested_by=row.requested_by,
        request_time=row.request_time,
        decided_by=row.decided_by,
        decide_time=row.decide_time,
        note=row.note,
    )


def _decision(transfer: Transfer) -> dict[str, Any]:
    return {
        "state": transfer.state,
        "decided_by": transfer.decided_by,
        "decide_time": transfer.decide_time,
        "note": transfer.note,
    }
