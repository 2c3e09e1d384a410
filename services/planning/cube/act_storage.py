"""Many acts on a version at once, for what is posted in thousands."""

from collections.abc import Iterable, Sequence

from chassis import arrays
from chassis.database import Transaction, run
from planning.cube.domain import Act
from planning.cube.storage import Doing, Piece

_DONE = """
SELECT cause FROM cube_act
WHERE version_id = %(version_id)s::uuid AND act = %(act)s AND cause = ANY(%(causes)s::text[])
"""

# Identities ascend in the order of the acts, because that is the order in which they are inserted.
_ACTS = """
WITH done AS (
  INSERT INTO cube_act (version_id, act, cause, changed_by, record_time)
  SELECT %(version_id)s::uuid, act, cause, changed_by, record_time
  FROM unnest(%(acts)s::text[], %(causes)s::text[], %(bys)s::text[], %(times)s::timestamptz[])
    WITH ORDINALITY AS new (act, cause, changed_by, record_time, place)
  ORDER BY place
  RETURNING act_id
), numbered AS (
  SELECT act_id, row_number() OVER (ORDER BY act_id) AS place FROM done
), piece AS (
  SELECT * FROM unnest(%(places)s::bigint[], %(measures)s::text[], %(years)s::int[],
    %(nos)s::int[], %(data)s::bytea[]) AS piece (place, measure, year, no, data)
), changed AS (
  INSERT INTO cube_change (version_id, measure, year, no, act_id, data)
  SELECT %(version_id)s::uuid, measure, year, no, act_id, data
  FROM piece JOIN numbered USING (place)
), sheeted AS (
  INSERT INTO cube_sheet (version_id, measure, year)
  SELECT DISTINCT %(version_id)s::uuid, measure, year FROM piece ON CONFLICT DO NOTHING
)
UPDATE cube_version SET head_act_id = (SELECT max(act_id) FROM done),
  head_xid = pg_current_xact_id()::text::bigint
WHERE version_id = %(version_id)s::uuid
"""


def act_all(
    tx: Transaction, version_id: str, *, done: Sequence[tuple[Doing, Sequence[Piece]]]
) -> None:
    """Store several acts on a version that the caller has locked, in their order."""
    placed = [(place, one) for place, (_, pieces) in enumerate(done) for one in pieces]
    run(
        tx,
        _ACTS,
        {
            "version_id": version_id,
            "acts": arrays.texts(doing.act for doing, _ in done),
            "causes": arrays.texts(doing.cause for doing, _ in done),
            "bys": arrays.texts(doing.by for doing, _ in done),
            "times": arrays.plain(doing.at for doing, _ in done),
            "places": arrays.plain(place + 1 for place, _ in placed),
            "measures": arrays.texts(one.measure for _, one in placed),
            "years": arrays.plain(one.year for _, one in placed),
            "nos": arrays.plain(one.no for _, one in placed),
            "data": arrays.blobs(one.data for _, one in placed),
        },
    )


def causes_done(
    tx: Transaction, version_id: str, *, act: Act, causes: Iterable[str]
) -> frozenset[str]:
    """Return those causes for which a version has an act of this kind."""
    found = run(tx, _DONE, {"version_id": version_id, "act": act, "causes": arrays.texts(causes)})
    return frozenset(cause for (cause,) in found)
