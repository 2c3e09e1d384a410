"""The tables of products and their stock. Rows of both are locked by product id, ascending."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from channels.product.domain import Product, ProductNotFound, SaleClass, Stage, State, Stock
from chassis import arrays
from chassis.database import Later, Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page, Slice

TABLES = sa.MetaData()

product = sa.Table(
    "product",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stock_kept", sa.Boolean, nullable=False),
    sa.Column("excludes_product_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("requires_product_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("review_opinion", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("launch_month", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("sale_class", sa.Text, nullable=False),
    sa.Column("essential", sa.Boolean, nullable=False),
)

product_stock = sa.Table(
    "product_stock",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("allocated", sa.BigInteger, nullable=False),
)

# Written out once: building a statement costs more than running it.
GET_ALL = """
SELECT product_id, name, line, state, stock_kept, excludes_product_ids, requires_product_ids,
       review_opinion, version, create_time, launch_month, stage, sale_class, essential
FROM product
WHERE product_id = ANY(%(product_ids)s::text[])
"""
LOCK_STOCKS = """
SELECT product_id, on_hand, allocated
FROM product_stock
WHERE product_id = ANY(%(product_ids)s::text[])
ORDER BY product_id
FOR UPDATE
"""
SAVE_STOCKS = """
UPDATE product_stock AS s SET on_hand = new.on_hand, allocated = new.allocated
FROM unnest(%(product_ids)s::text[], %(on_hands)s::bigint[],
            %(allocateds)s::bigint[]) AS new (product_id, on_hand, allocated)
WHERE s.product_id = new.product_id
"""


def add(tx: Transaction, new: Product) -> bool:
    """Insert a product, with an empty stock where one is kept; False when the id is taken."""
    statement = insert(product).values(_row(new)).on_conflict_do_nothing()
    if tx.execute(statement.returning(sa.literal(1))).first() is None:
        return False
    if new.stock_kept:
        tx.execute(
            sa.insert(product_stock).values(product_id=new.product_id, on_hand=0, allocated=0)
        )
    return True


def save(tx: Transaction, changed: Product) -> None:
    """Write a product that was locked before."""
    row = _row(changed)
    tx.execute(sa.update(product).where(product.c.product_id == row.pop("product_id")).values(row))


def get(tx: Transaction, product_id: str, *, lock: bool = False) -> Product:
    """Return a product.

    Errors: ProductNotFound.
    """
    query = sa.select(product).where(product.c.product_id == product_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ProductNotFound(product_id)
    return _product(row)


def get_all(tx: Transaction, product_ids: Iterable[str]) -> dict[str, Product]:
    """Return those of the products that exist, by id."""
    return look_up(tx, product_ids)()


def look_up(tx: Transaction, product_ids: Iterable[str]) -> Later[dict[str, Product]]:
    """Send for those of the products that exist, by id."""
    rows = run(tx, GET_ALL, {"product_ids": arrays.texts(set(product_ids))})
    return lambda: {row[0]: _product_of(row) for row in rows}


def page(tx: Transaction, part: Page, *, state: State | None, line: str) -> Slice[Product]:
    """Return a page of products by id."""
    query = sa.select(product)
    if state is not None:
        query = query.where(product.c.state == state)
    if line:
        query = query.where(product.c.line == line)
    found = [_product(row) for row in tx.execute(keyset(query, part, [product.c.product_id]))]
    return part.slice(found, key=lambda one: (one.product_id,))


def lock_stocks(tx: Transaction, product_ids: Iterable[str]) -> Later[dict[str, Stock]]:
    """Lock and return those stocks that are kept, by product id."""
    rows = run(tx, LOCK_STOCKS, {"product_ids": arrays.texts(set(product_ids))})
    return lambda: {row[0]: Stock(*row) for row in rows}


def stock_of(tx: Transaction, product_id: str) -> Stock | None:
    """Return a product's stock, or None when none is kept."""
    query = sa.select(product_stock).where(product_stock.c.product_id == product_id)
    row = tx.execute(query).one_or_none()
    return None if row is None else _stock(row)


def save_stocks(tx: Transaction, changed: Sequence[Stock]) -> None:
    """Write stocks that were locked before."""
    run(
        tx,
        SAVE_STOCKS,
        {
            "product_ids": arrays.texts(one.product_id for one in changed),
            "on_hands": arrays.plain(one.on_hand for one in changed),
            "allocateds": arrays.plain(one.allocated for one in changed),
        },
    )


def stock_page(tx: Transaction, part: Page) -> Slice[Stock]:
    """Return a page of stocks by product id."""
    query = keyset(sa.select(product_stock), part, [product_stock.c.product_id])
    found = [_stock(row) for row in tx.execute(query)]
    return part.slice(found, key=lambda one: (one.product_id,))


def _row(source: Product) -> dict[str, Any]:
    return {
        "product_id": source.product_id,
        "name": source.name,
        "line": source.line,
        "state": source.state,
        "stock_kept": source.stock_kept,
        "excludes_product_ids": list(source.excludes_product_ids),
        "requires_product_ids": list(source.requires_product_ids),
        "review_opinion": source.review_opinion,
        "version": source.version,
        "create_time": source.create_time,
        "launch_month": source.launch_month,
        "stage": source.stage,
        "sale_class": source.sale_class,
        "essential": source.essential,
    }


def _product(row: sa.Row[Any]) -> Product:
    return Product(
        product_id=row.product_id,
        name=row.name,
        line=row.line,
        state=State(row.state),
        stock_kept=row.stock_kept,
        excludes_product_ids=tuple(row.excludes_product_ids),
        requires_product_ids=tuple(row.requires_product_ids),
        review_opinion=row.review_opinion,
        version=row.version,
        create_time=row.create_time,
        launch_month=row.launch_month,
        stage=Stage(row.stage),
        sale_class=SaleClass(row.sale_class),
        essential=row.essential,
    )


def _stock(row: sa.Row[Any]) -> Stock:
    return Stock(row.product_id, row.on_hand, row.allocated)


def _product_of(row: tuple[Any, ...]) -> Product:
    product_id, name, line, state, stock_kept, excludes, requires, *rest = row
    review_opinion, version, create_time, launch_month, stage, sale_class, essential = rest
    return Product(
        product_id=product_id,
        name=name,
        line=line,
        state=State(state),
        stock_kept=stock_kept,
        excludes_product_ids=tuple(excludes),
        requires_product_ids=tuple(requires),
        review_opinion=review_opinion,
        version=version,
        create_time=create_time,
        launch_month=launch_month,
        stage=Stage(stage),
        sale_class=SaleClass(sale_class),
        essential=essential,
    )
