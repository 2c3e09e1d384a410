"""The tables of returns. Who changes a return holds the lock of its order."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from channels.returns.domain import (
    Filter,
    GoodsReturn,
    Kind,
    Line,
    Move,
    Replacement,
    State,
)
from channels.returns.errors import ReturnNotFound
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money, UnitPrice
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

goods_return = sa.Table(
    "goods_return",
    TABLES,
    sa.Column("return_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason_code", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("end_reason", sa.Text, nullable=False),
    sa.Column("receipt_slip", sa.Text, nullable=False),
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("credit_note_issued", sa.Boolean, nullable=False),
    sa.Column("settle_date", sa.Date),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("request_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

goods_return_line = sa.Table(
    "goods_return_line",
    TABLES,
    sa.Column("return_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("restocked", sa.BigInteger, nullable=False),
    sa.Column("finding", sa.Text, nullable=False),
)

goods_return_replacement = sa.Table(
    "goods_return_replacement",
    TABLES,
    sa.Column("return_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

goods_return_move = sa.Table(
    "goods_return_move",
    TABLES,
    sa.Column("return_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("move_number", sa.Integer, primary_key=True),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("move_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("moved_by", sa.Text, nullable=False),
)

_own = goods_return.c


def add(tx: Transaction, new: GoodsReturn) -> None:
    """Insert a return with its lines, replacements and moves."""
    tx.execute(sa.insert(goods_return).values(_row(new)))
    tx.execute(sa.insert(goods_return_line), _line_rows(new))
    if new.replacements:
        rows = [
            {
                "return_id": new.return_id,
                "line_number": number,
                "product_id": one.product_id,
                "quantity": one.quantity,
                "unit_price": one.unit_price.amount,
                "amount_minor": one.amount.amount_minor,
            }
            for number, one in enumerate(new.replacements, 1)
        ]
        tx.execute(sa.insert(goods_return_replacement), rows)
    _add_moves(tx, new, after=0)


def save(tx: Transaction, changed: GoodsReturn, *, before: GoodsReturn) -> None:
    """Write a return whose order is locked, with the moves that are new."""
    row = _row(changed)
    tx.execute(sa.update(goods_return).where(_own.return_id == row.pop("return_id")).values(row))
    if changed.lines != before.lines:
        line = goods_return_line.c
        for row in _line_rows(changed):
            key = (line.return_id == changed.return_id, line.line_number == row["line_number"])
            tx.execute(sa.update(goods_return_line).where(*key).values(row))
    _add_moves(tx, changed, after=len(before.moves))


def get(tx: Transaction, return_id: str) -> GoodsReturn:
    """Return a return with its moves.

    Errors: ReturnNotFound.
    """
    found = find(tx, return_id)
    if found is None:
        raise ReturnNotFound(return_id)
    return found


def find(tx: Transaction, return_id: str) -> GoodsReturn | None:
    """Return a return with its moves, or None."""
    rows = tx.execute(sa.select(goods_return).where(_own.return_id == return_id)).all()
    return next(iter(_whole(tx, rows, moves=True)), None)


def of_order(tx: Transaction, order_id: str) -> list[GoodsReturn]:
    """Return all returns of an order without their moves, the oldest first."""
    query = (
        sa.select(goods_return)
        .where(_own.order_id == order_id)
        .order_by(_own.request_time, _own.return_id)
    )
    return _whole(tx, tx.execute(query).all())


def is_exchanged(tx: Transaction, order_id: str) -> bool:
    """Tell whether an exchange of an order's goods was settled."""
    found = sa.exists().where(
        _own.order_id == order_id, _own.kind == Kind.EXCHANGE, _own.settle_date.is_not(None)
    )
    return bool(tx.scalar(sa.select(found)))


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[GoodsReturn]:
    """Return a page of the returns in the caller's scope without their moves, the newest first."""
    query = sa.select(goods_return)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(_own.unit_id.in_(units))
    for column, value in (
        (_own.order_id, wanted.order_id),
        (_own.partner_id, wanted.partner_id),
        (_own.state, wanted.state),
        (_own.kind, wanted.kind),
    ):
        query = query.where(column == value) if value else query
    columns = [_own.request_time, _own.return_id]
    found = _whole(tx, tx.execute(keyset(query, part, columns, descending=True)).all())
    return part.slice(found, key=lambda one: (one.request_time, one.return_id))


def _row(source: GoodsReturn) -> dict[str, Any]:
    return {
        "return_id": source.return_id,
        "order_id": source.order_id,
        "partner_id": source.partner_id,
        "customer_id": source.customer_id,
        "unit_id": source.unit_id,
        "kind": source.kind,
        "state": source.state,
        "reason_code": source.reason_code,
        "note": source.note,
        "end_reason": source.end_reason,
        "receipt_slip": source.receipt_slip,
        "carrier": source.carrier,
        "currency_code": source.lines[0].amount.currency_code,
        "credit_note_issued": source.credit_note_issued,
        "settle_date": source.settle_date,
        "requested_by": source.requested_by,
        "request_time": source.request_time,
        "version": source.version,
    }


def _line_rows(source: GoodsReturn) -> list[dict[str, Any]]:
    return [
        {
            "return_id": source.return_id,
            "line_number": number,
            "product_id": line.product_id,
            "quantity": line.quantity,
            "amount_minor": line.amount.amount_minor,
            "batch": line.batch,
            "accepted": line.accepted,
            "restocked": line.restocked,
            "finding": line.finding,
        }
        for number, line in enumerate(source.lines, 1)
    ]


def _add_moves(tx: Transaction, source: GoodsReturn, *, after: int) -> None:
    new = [
        {
            "return_id": source.return_id,
            "move_number": number,
            "from_state": move.before,
            "to_state": move.after,
            "move_time": move.at,
            "moved_by": move.by,
        }
        for number, move in enumerate(source.moves, 1)
        if number > after
    ]
    if new:
        tx.execute(sa.insert(goods_return_move), new)


def _whole(tx: Transaction, rows: Sequence[Any], *, moves: bool = False) -> list[GoodsReturn]:
    ids = sorted(row.return_id for row in rows)
    if not ids:
        return []
    lines = _by_return(tx, goods_return_line, ids)
    replacements = _by_return(tx, goods_return_replacement, ids)
    moved = _by_return(tx, goods_return_move, ids) if moves else {}
    return [
        _return(
            row,
            lines=lines[row.return_id],
            replacements=replacements[row.return_id],
            moves=moved.get(row.return_id, ()),
        )
        for row in rows
    ]


def _by_return(tx: Transaction, table: sa.Table, ids: Sequence[str]) -> dict[str, list[Any]]:
    query = sa.select(table).where(table.c.return_id.in_(ids)).order_by(*table.primary_key)
    found: dict[str, list[Any]] = {return_id: [] for return_id in ids}
    for row in tx.execute(query):
        found[row.return_id].append(row)
    return found


def _return(
    row: Any, *, lines: Iterable[Any], replacements: Iterable[Any], moves: Iterable[Any]
) -> GoodsReturn:
    code = row.currency_code
    return GoodsReturn(
        return_id=row.return_id,
        order_id=row.order_id,
        partner_id=row.partner_id,
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        kind=Kind(row.kind),
        reason_code=row.reason_code,
        note=row.note,
        lines=tuple(
            Line(
                one.product_id, one.quantity, Money(code, one.amount_minor), one.batch,
                one.accepted, one.restocked, one.finding,
            )
            for one in lines
        ),
        replacements=tuple(
            Replacement(
                one.product_id, one.quantity, UnitPrice(code, one.unit_price),
                Money(code, one.amount_minor),
            )
            for one in replacements
        ),
        requested_by=row.requested_by,
        request_time=row.request_time,
        state=State(row.state),
        end_reason=row.end_reason,
        receipt_slip=row.receipt_slip,
        carrier=row.carrier,
        credit_note_issued=row.credit_note_issued,
        settle_date=row.settle_date,
        moves=tuple(
            Move(State(one.from_state) if one.from_state else None, State(one.to_state),
                 one.move_time, one.moved_by)
            for one in moves
        ),
        version=row.version,
    )  # fmt: skip
