"""What was posted and answered for campaigns, as rows; `tracking` alone uses it."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction
from chassis.money import Money
from planning.campaign.results import Act, Actual, ActualKind, Posting, Touch

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

campaign_actual = sa.Table(
    "campaign_actual",
    TABLES,
    sa.Column("transfer_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reversal", sa.Boolean, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("covered_minor", sa.BigInteger, nullable=False),
    sa.Column("occur_time", TIME, nullable=False),
)

campaign_touch = sa.Table(
    "campaign_touch",
    TABLES,
    sa.Column("offer_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("act", sa.Text, primary_key=True),
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("touchpoint_kind", sa.Text, nullable=False),
    sa.Column("occur_time", TIME, nullable=False),
)

ADD_ACTUALS = sa.text(
    """
    INSERT INTO campaign_actual (transfer_id, campaign_id, order_id, product_id, unit_id, kind,
                                 reversal, currency_code, amount_minor, covered_minor, occur_time)
    SELECT transfer_id, campaign_id, order_id, product_id, unit_id, kind, reversal, currency_code,
           amount_minor, covered_minor, occur_time
    FROM unnest(CAST(:transfer_ids AS uuid[]), CAST(:campaign_ids AS uuid[]),
                CAST(:order_ids AS text[]), CAST(:product_ids AS text[]), CAST(:unit_ids AS text[]),
                CAST(:kinds AS text[]), CAST(:reversals AS boolean[]),
                CAST(:currency_codes AS text[]), CAST(:amounts AS bigint[]),
                CAST(:covered AS bigint[]), CAST(:occur_times AS timestamptz[]))
      AS new (transfer_id, campaign_id, order_id, product_id, unit_id, kind, reversal,
              currency_code, amount_minor, covered_minor, occur_time)
    """
)
STORED_TRANSFERS = sa.text(
    """
    SELECT transfer_id::text FROM campaign_actual
    WHERE transfer_id = ANY(CAST(:transfer_ids AS uuid[]))
    """
)
ADD_TOUCHES = sa.text(
    """
    INSERT INTO campaign_touch (offer_id, act, campaign_id, touchpoint_kind, occur_time)
    SELECT offer_id, act, campaign_id, touchpoint_kind, occur_time
    FROM unnest(CAST(:offer_ids AS uuid[]), CAST(:acts AS text[]), CAST(:campaign_ids AS uuid[]),
                CAST(:touchpoint_kinds AS text[]), CAST(:occur_times AS timestamptz[]))
      AS new (offer_id, act, campaign_id, touchpoint_kind, occur_time)
    ORDER BY offer_id, act
    ON CONFLICT DO NOTHING
    """
)


def add_actuals(tx: Transaction, postings: Sequence[tuple[Posting, Money]]) -> None:
    """Store postings, each with the part that reservations covered."""
    tx.execute(
        ADD_ACTUALS,
        {
            "transfer_ids": arrays.texts(one.transfer_id for one, _ in postings),
            "campaign_ids": arrays.texts(one.campaign_id for one, _ in postings),
            "order_ids": arrays.texts(one.order_id for one, _ in postings),
            "product_ids": arrays.texts(one.product_id for one, _ in postings),
            "unit_ids": arrays.texts(one.unit_id for one, _ in postings),
            "kinds": arrays.texts(one.kind for one, _ in postings),
            "reversals": arrays.plain(one.reversal for one, _ in postings),
            "currency_codes": arrays.texts(one.amount.currency_code for one, _ in postings),
            "amounts": arrays.plain(one.amount.amount_minor for one, _ in postings),
            "covered": arrays.plain(covered.amount_minor for _, covered in postings),
            "occur_times": arrays.plain(one.at for one, _ in postings),
        },
    )


def stored_transfers(tx: Transaction, transfer_ids: Collection[str]) -> set[str]:
    """Return those transfers whose posting is stored."""
    rows = tx.execute(STORED_TRANSFERS, {"transfer_ids": arrays.texts(transfer_ids)})
    return {row.transfer_id for row in rows}


def sums(tx: Transaction, campaign_id: str) -> list[Actual]:
    """Return the sums of what was posted, one for each kind, direction and currency."""
    same = (
        campaign_actual.c.kind,
        campaign_actual.c.reversal,
        campaign_actual.c.currency_code,
    )
    rows = tx.execute(
        sa.select(
            *same,
            sa.func.sum(campaign_actual.c.amount_minor).cast(sa.BigInteger).label("amount_minor"),
            sa.func.sum(campaign_actual.c.covered_minor).cast(sa.BigInteger).label("covered_minor"),
        )
        .where(campaign_actual.c.campaign_id == campaign_id)
        .group_by(*same)
        .order_by(*same)
    )
    return [
        Actual(
            kind=ActualKind(row.kind),
            reversal=row.reversal,
            amount=Money(row.currency_code, row.amount_minor),
            covered=Money(row.currency_code, row.covered_minor),
        )
        for row in rows
    ]


def add_touches(tx: Transaction, touches: Sequence[Touch]) -> None:
    """Store what happened with offers; the same a second time changes nothing."""
    tx.execute(
        ADD_TOUCHES,
        {
            "offer_ids": arrays.texts(one.offer_id for one in touches),
            "acts": arrays.texts(one.act for one in touches),
            "campaign_ids": arrays.texts(one.campaign_id for one in touches),
            "touchpoint_kinds": arrays.texts(one.touchpoint_kind for one in touches),
            "occur_times": arrays.plain(one.at for one in touches),
        },
    )


def touch_counts(tx: Transaction, campaign_id: str) -> dict[tuple[str, Act], int]:
    """Count what happened with a campaign's offers, by kind of touchpoint and act."""
    rows = tx.execute(
        sa.select(campaign_touch.c.touchpoint_kind, campaign_touch.c.act, sa.func.count())
        .where(campaign_touch.c.campaign_id == campaign_id)
        .group_by(campaign_touch.c.touchpoint_kind, campaign_touch.c.act)
    )
    return {(kind, Act(act)): count for kind, act, count in rows}
