"""The benches, by the names that the command line takes."""

from collections.abc import Callable

from tests.bench.cases import (
    budget,
    commission,
    cube,
    decide,
    flow,
    gate,
    inbox,
    invoices,
    log,
    orders,
    overload,
    postings,
    rebates,
    statements,
)
from tests.bench.pairs import Sizes
from tests.bench.stage import Stage
from tests.bench.table import Row

CASES: dict[str, Callable[[Stage, Sizes], list[Row]]] = {
    "gate": gate.run,
    "decide": decide.run,
    "orders": orders.run,
    "budget": budget.run,
    "cube": cube.run,
    "log": log.run,
    "inbox": inbox.run,
    "old": log.old,
    "tracing": flow.tracing,
    "load": flow.load,
    "overload": overload.run,
    "invoices": invoices.run,
    "postings": postings.run,
    "rebates": rebates.run,
    "statements": statements.run,
    "commission": commission.run,
}
