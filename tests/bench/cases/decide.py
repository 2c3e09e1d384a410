"""B1: from a touch to the next best offer, against a bare echo of the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from statistics import median

from mantle.crm.v1 import decision_pb2
from mantle.crm.v1 import decision_service_pb2 as pb

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from chassis.wire import from_time
from tests.bench import arrange
from tests.bench.counts import count
from tests.bench.load import Client, each
from tests.bench.pairs import Run, Sizes, calling, compare
from tests.bench.stage import CONCURRENCY, Side, Stage, side
from tests.bench.table import Row, at_least, at_most

METHOD = method_of(pb.DecideRequest)
IN_FLIGHT = 32
CAMPAIGNS = 1_000
CUSTOMERS = 10_000
PRODUCTS = [f"P{number}" for number in range(200)]
GOAL, CPU_GOAL, P99_GOAL = 0.70, 1.45, 2.5
SEEN = 200


def touches(made: Side, customer_ids: list[str]) -> Iterator[bytes]:
    """Give touches of customers at random, each sent once."""
    random = Random(arrange.SEED)
    while True:
        occur_time = from_time(made.stage.clock.now())
        event = pb.TouchEvent(
            event_id=new_id(),
            source="hotline",
            type=decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR,
            name=random.choice(arrange.EVENT_NAMES),
            occur_time=occur_time,
        )
        yield pb.DecideRequest(
            request_id=new_id(),
            customer_id=random.choice(customer_ids),
            touchpoint_id=random.choice(("hotline", "ivr")),
            event=event,
        ).SerializeToString()


def arranged(made: Side, *, campaigns: int, customers: int) -> Client:
    """Fill crm and return a client that touches."""
    arrange.tell_root(made, "crm")
    arrange.tell_products(made, PRODUCTS)
    arrange.tell_campaigns(made, campaigns, PRODUCTS)
    ids = arrange.import_customers(made, customers)
    token = made.stage.issuer.mint("bench", ["front_line"], unit_id="hq")
    return Client(made.address("crm"), METHOD.name, each(touches(made, ids)), token=token)


def require_sense(made: Side, client: Client) -> int:
    """See that decisions are made and stored, and return the size of an ordinary reply."""
    replies = [client.one() for _ in range(SEEN)]
    decisions = [pb.DecideResponse.FromString(one).decision for one in replies]
    offered = [one for one in decisions if one.outcome == decision_pb2.Decision.OUTCOME_OFFERED]
    assert len(offered) > SEEN // 2, f"only {len(offered)} of {SEEN} touches got an offer"
    for one in offered:
        scores = [offer.score.amount_minor for offer in one.offers]
        assert scores == sorted(scores, reverse=True), "the best offer comes first"
    [(stored,)] = made.rows("crm", "SELECT count(*) FROM decision")
    assert stored >= SEEN, "every decision is durable"
    return int(median(len(one) for one in replies))


@contextmanager
def over_echo(stage: Stage, sizes: Sizes) -> Iterator[tuple[Run, Run]]:
    """Open crm and a bare echo with as many threads."""
    campaigns, customers = (100, 1_000) if sizes.short else (CAMPAIGNS, CUSTOMERS)
    with side(stage, "crm", spans=True) as made:
        client = arranged(made, campaigns=campaigns, customers=customers)
        size = require_sense(made, client)
        echo = stage.launch("echo", CONCURRENCY * 2, size)
        with stage.running(echo):
            bare = Client(echo.address, METHOD.name, each(touches(made, ["C1"])))
            assert len(bare.one()) == size
            yield (
                calling(
                    client,
                    in_flight=IN_FLIGHT,
                    service=lambda: made.pids("crm"),
                    database=stage.backends_of(made.databases["crm"]),
                ),
                calling(bare, in_flight=IN_FLIGHT, service=lambda: [echo.pid]),
            )


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure decisions, and count what one does, alone and among many."""
    campaigns, customers = (100, 1_000) if sizes.short else (CAMPAIGNS, CUSTOMERS)
    alone, crowd = (
        count(
            stage,
            "crm",
            lambda made: arranged(made, campaigns=100, customers=1_000),
            in_flight=in_flight,
        )
        for in_flight in (1, IN_FLIGHT)
    )
    found = compare(lambda: over_echo(stage, sizes), sizes)
    return [
        Row(
            "B1 decide",
            f"Decide over {campaigns:,} campaigns and {customers:,} customers, {IN_FLIGHT} in"
            " flight, 1 % traced, durable / bare sync echo of the same sizes and threads",
            f"≥ {GOAL}, CPU ≤ {CPU_GOAL}, p99 ≤ {P99_GOAL}",
            f"{found.throughput}; CPU {found.service_cpu}, with PostgreSQL {found.whole_cpu};"
            f" p99 {found.p99} ({found.level('ours', lambda one: one.rate):.0f}/s,"
            f" {found.level('ours', lambda one: one.service_us):.0f} µs of crm and"
            f" {found.level('ours', lambda one: one.whole_us - one.service_us):.0f} µs of"
            f" PostgreSQL a call; echo {found.level('baseline', lambda one: one.service_us):.0f}"
            " µs)",
            f"{at_least(found.throughput.median, GOAL)};"
            f" CPU {at_most(found.service_cpu.median, CPU_GOAL)};"
            f" p99 {at_most(found.p99.median, P99_GOAL)}",
            f"{found.same}; CPU {found.same_cpu}",
        ),
        Row("B1 counts, alone", "one Decide, one caller", "–", str(alone)),
        Row("B1 counts, crowd", f"one Decide of {IN_FLIGHT} in flight", "–", str(crowd)),
    ]
