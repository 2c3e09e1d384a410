"""Who touches the company in the demo, and where: drawn from the real customers by the seed."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import cycle
from random import Random
from typing import Final

from mantle.crm.v1 import customer_service_pb2, touchpoint_pb2, touchpoint_service_pb2
from mantle.crm.v1.customer_pb2 import CustomerImport, RowError

from chassis.ids import derived_id
from local.demo.company import NOT_YET
from local.demo.desk import all_pages
from local.demo.scene import Scene
from local.demo.source import INTERNET, Known, bad_row, batches
from local.demo.touches import Touch

SCORED_MAX: Final = 60
LOST_SHARE: Final = 0.03
AGAIN_SHARE: Final = 0.12


def import_customers(scene: Scene) -> tuple[CustomerImport, list[RowError]]:
    """Import the customers, unless an earlier run has; return the import and what it refused.

    Shape: a part's request id follows from its content, so that a broken-off import can be
        repeated.
    """
    support = scene.desk.person("business_support")
    import_id = f"telecom-{len(scene.customers)}"
    asked = customer_service_pb2.GetImportRequest(import_id=import_id)
    known = support.ask_unless(asked, reasons=frozenset({"IMPORT_NOT_FOUND"}))
    if known is None or known.progress.rows_new < len(scene.customers):
        for number, rows in enumerate(_parts(scene)):
            part = customer_service_pb2.ImportCustomersRequest(
                import_id=import_id, unit_id="hq", rows=rows
            )
            digest = hashlib.sha256(part.SerializeToString(deterministic=True)).hexdigest()
            part.request_id = derived_id(digest, import_id, number)
            support.ask_when_told(part, reasons=NOT_YET)
        known = support.ask(asked)
    return known.progress, list(known.errors)


def draw_touches(scene: Scene, run: str, *, count: int) -> list[Touch]:
    """Draw who touches where.

    Shape: each touchpoint as often as the others; mostly customers who are still there, some of
        them twice or more, and a few who have left; no customer of the reserve.
    """
    chance = scene.chance("audience", run)
    there, lost = _shuffled(scene, chance, lost=False), _shuffled(scene, chance, lost=True)
    there = there[: max(1, len(there) - reserve_size(scene))]
    again = int(count * AGAIN_SHARE)
    gone = min(len(lost), int(count * LOST_SHARE))
    first = _several(there, count - again - gone)
    drawn = [*first, *lost[:gone]]
    chance.shuffle(drawn)
    drawn += [chance.choice(first) for _ in range(again)]
    places = cycle(list_touchpoints(scene))
    return [
        Touch(key=f"{run}-{number}", customer=customer, touchpoint=place)
        for number, (customer, place) in enumerate(zip(drawn, places, strict=False))
    ]


def reserve(scene: Scene, run: str) -> list[Known]:
    """Return customers at home with internet and without backup whom no touch was drawn for."""
    there = _shuffled(scene, scene.chance("audience", run), lost=False)
    return [
        one
        for one in there[-reserve_size(scene) :]
        if INTERNET in one.products and "BACKUP" not in one.products and one.tenure_months
    ]


def reserve_size(scene: Scene) -> int:
    """Return how many customers are kept for what is shown beside the touches."""
    return min(1_000, len(scene.customers) // 4)


def list_touchpoints(scene: Scene) -> list[touchpoint_pb2.Touchpoint]:
    """Return the touchpoints that are switched on, by their id."""
    asked = touchpoint_service_pb2.ListTouchpointsRequest(active_only=True)
    return all_pages(scene.desk.person("customer_service"), asked, "touchpoints")


def score(scene: Scene, touches: Sequence[Touch]) -> int:
    """Keep own propensities of some customers, as the company's model would; return how many.

    Shape: those who could leave any month are unlikely to want their devices protected.
    """
    support = scene.desk.person("business_support")
    unlikely = {t.customer.customer_id: t.customer for t in touches if _is_unlikely(t.customer)}
    for customer_id in sorted(unlikely)[:SCORED_MAX]:
        scores = [customer_service_pb2.NewScore(product_id="PROTECT", propensity="0.07")]
        support.ask(customer_service_pb2.SetScoresRequest(customer_id=customer_id, scores=scores))
    return min(len(unlikely), SCORED_MAX)


def _parts(scene: Scene) -> Iterator[list[customer_service_pb2.CustomerRow]]:
    yield from batches(scene.customers)
    yield [bad_row(len(scene.customers) + 1)]


def _shuffled(scene: Scene, chance: Random, *, lost: bool) -> list[Known]:
    some = [one for one in scene.customers if one.lost is lost]
    chance.shuffle(some)
    return some


def _several(there: Sequence[Known], count: int) -> list[Known]:
    return [customer for customer, _ in zip(cycle(there), range(count), strict=False)]


def _is_unlikely(customer: Known) -> bool:
    return customer.month_to_month and customer.tenure_months >= 12 and not customer.lost
