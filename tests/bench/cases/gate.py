"""What a call pays at the gate alone: a bare echo against the same bytes through the chassis."""

from collections.abc import Iterator
from contextlib import contextmanager

from mantle.planning.v1 import budget_service_pb2 as pb
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from tests.bench.load import Client, over
from tests.bench.pairs import Run, Sizes, calling, compare
from tests.bench.stage import CONCURRENCY, Process, Stage
from tests.bench.table import Row, at_least, at_most

IN_FLIGHT = 32
REPLY_BYTES = 230
METHOD = method_of(pb.ReserveBudgetRequest)
ECHO_GOAL, ECHO_CPU_GOAL = 0.87, 1.15
SAFETY_GOAL, SAFETY_CPU_GOAL = 0.90, 1.10


def messages(count: int = 256) -> list[bytes]:
    """Return requests of the size of an ordinary write."""
    made = []
    for _ in range(count):
        request = pb.ReserveBudgetRequest(
            request_id=new_id(),
            budget_line_id=new_id(),
            amount=money_pb2.Money(currency_code="CNY", amount_minor=12_345),
            owner_service="channels",
            owner_kind="sales_order",
            owner_id=new_id(),
        )
        request.expire_time.FromSeconds(1_900_000_000)
        made.append(request.SerializeToString())
    return made


@contextmanager
def gates(stage: Stage, *halves: str) -> Iterator[list[Process]]:
    """Give a launched gate per half over a handler that does nothing; a half is `open` or empty."""
    database = stage.database("planning")
    spans = {"MANTLE_TELEMETRY_DIRECTORY": str(stage.directory / "telemetry")}
    environment = stage.environment("planning", database.app_url, {}) | spans
    try:
        yield [
            stage.launch("gate", REPLY_BYTES, *half.split(), environment=environment)
            for half in halves
        ]
    finally:
        stage.drop(database)


@contextmanager
def against(stage: Stage, ours: Process, baseline: Process) -> Iterator[tuple[Run, Run]]:
    """Open two servers of the same method as two halves, and see that both answer alike."""
    token = stage.issuer.mint("bench", ["finance"], unit_id="hq")
    with stage.running(ours, baseline):
        clients = [
            Client(one.address, METHOD.name, over(messages()), token=token)
            for one in (ours, baseline)
        ]
        assert clients[0].one() == clients[1].one(), "both halves answer the same bytes"
        yield (
            calling(clients[0], in_flight=IN_FLIGHT, service=lambda: [ours.pid]),
            calling(clients[1], in_flight=IN_FLIGHT, service=lambda: [baseline.pid]),
        )


@contextmanager
def over_echo(stage: Stage) -> Iterator[tuple[Run, Run]]:
    """Open the gate and a bare echo of the same sizes and threads."""
    with gates(stage, "") as [ours]:
        baseline = stage.launch("echo", CONCURRENCY * 2, REPLY_BYTES)
        with against(stage, ours, baseline) as halves:
            yield halves


@contextmanager
def over_open(stage: Stage) -> Iterator[tuple[Run, Run]]:
    """Open the gate and one that asks nobody who he is."""
    with gates(stage, "", "open") as [ours, baseline], against(stage, ours, baseline) as halves:
        yield halves


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure the gate against an echo, and against itself without identity and validation."""
    echo = compare(lambda: over_echo(stage), sizes)
    safety = compare(lambda: over_open(stage), sizes)
    return [
        Row(
            "B0 gate",
            "the gate over an empty handler / bare sync echo, 32 in flight, 1 % traced",
            f"≥ {ECHO_GOAL}, CPU ≤ {ECHO_CPU_GOAL}",
            f"{echo.throughput}; CPU {echo.service_cpu}"
            f" ({echo.level('ours', lambda one: one.service_us):.0f} µs /"
            f" {echo.level('baseline', lambda one: one.service_us):.0f} µs)",
            f"{at_least(echo.throughput.median, ECHO_GOAL)};"
            f" CPU {at_most(echo.service_cpu.median, ECHO_CPU_GOAL)}",
            f"{echo.same}; CPU {echo.same_cpu}",
        ),
        Row(
            "B13 safety, gate alone",
            "token, access and validation on / off over an empty handler",
            f"≥ {SAFETY_GOAL}, CPU ≤ {SAFETY_CPU_GOAL}",
            f"{safety.throughput}; CPU {safety.service_cpu}",
            f"{at_least(safety.throughput.median, SAFETY_GOAL)};"
            f" CPU {at_most(safety.service_cpu.median, SAFETY_CPU_GOAL)}",
            f"{safety.same}; CPU {safety.same_cpu}",
        ),
    ]
