"""The list of trials, in the long and in the short form, and how they are run one by one."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from tests.faults import settling, trials
from tests.faults.clients import Crowd
from tests.faults.company import found as found_company
from tests.faults.stage import Stage, staged
from tests.faults.trials import ALL_SHARDS, SEAMS, WAVES, Bench, Found

Act = Callable[[Bench], int]

ORDERS_A_SEAM = 10
DOWN_S = {False: 60.0, True: 2.0}


def names(*, short: bool) -> list[str]:
    """Return the names of the trials in their order."""
    return list(_listed(short=short, orders=0))


def run(*, seed: int, orders: int, short: bool, only: Sequence[str] = ()) -> list[Found]:
    """Run trials on one platform and return what each found, in their order."""
    wanted = {
        name: act
        for name, act in _listed(short=short, orders=orders).items()
        if not only or any(part in name for part in only)
    }
    with staged("short" if short else "trials") as stage:
        bench = opened(stage, seed=seed, quick=short)
        for name, act in wanted.items():
            tell(bench.trial(name, partial(act, bench)))
        return bench.found


def short_form() -> dict[str, Act]:
    """Return the trials that run with the tests, by name."""
    return _short()


def opened(stage: Stage, *, seed: int, quick: bool) -> Bench:
    """Found the company and let the clients stand ready."""
    company = found_company(stage)
    return Bench(stage, company, Crowd(stage, company, seed), Random(f"trials {seed}"), quick)


def tell(found: Found) -> None:
    """Print what a trial found."""
    verdict = f"{len(found.violations)} violations" if found.violations else "nothing"
    print(f"{found.name}: {found.orders} orders, {verdict}, {found.seconds:.1f} s", flush=True)
    for violation in found.violations[:20]:
        print(f"    {violation}", flush=True)


def _listed(*, short: bool, orders: int) -> dict[str, Act]:
    return _short() if short else _long(orders)


def _short() -> dict[str, Act]:
    few = ORDERS_A_SEAM
    listed: dict[str, Act] = {}
    for number, wave in enumerate(WAVES, 1):
        seams = [f"{service}/{seam}" for service, seam in wave.items()]
        listed[f"kill, wave {number}"] = partial(
            trials.kill_at, seams=seams, count=few * len(seams)
        )
    listed["crash of the server"] = partial(trials.crash_of_the_server, count=4 * few)
    listed["lost replies"] = partial(trials.lost_replies, count=2 * few)
    listed["poison"] = partial(trials.poison, count=few)
    listed["peer down"] = partial(trials.peer_down, count=2 * few, down_s=DOWN_S[True])
    listed["orderly leave"] = partial(trials.orderly_leave, count=6 * few)
    listed["zombie"] = partial(trials.zombie, count=few)
    listed["month's end"] = partial(settling.month_end, count=few, kills=settling.FEW_MONTH_KILLS)
    listed["year's end"] = partial(settling.year_end, count=few, kills=settling.FEW_YEAR_KILLS)
    listed["replay of everything"] = partial(trials.replays, shards=ALL_SHARDS)
    return listed


def _long(orders: int) -> dict[str, Act]:
    listed: dict[str, Act] = {"plain": partial(trials.plain, count=orders)}
    for service, seams in SEAMS.items():
        for seam in seams:
            listed[f"kill {service}/{seam}"] = partial(
                trials.kill_at, seams=[f"{service}/{seam}"], count=orders
            )
    for number in (1, 2, 3):
        listed[f"crash of the server, {number}"] = partial(trials.crash_of_the_server, count=orders)
    for service in SEAMS:
        listed[f"loss of the database of {service}"] = partial(
            trials.loss_of_a_database, service=service, count=orders
        )
    listed["lost replies"] = partial(trials.lost_replies, count=orders)
    listed["poison"] = partial(trials.poison, count=orders)
    listed["peer down"] = partial(trials.peer_down, count=orders, down_s=DOWN_S[False])
    listed["orderly leave"] = partial(trials.orderly_leave, count=3 * orders)
    listed["zombie"] = partial(trials.zombie, count=orders)
    for number in (1, 2):
        listed[f"month's end, {number}"] = partial(
            settling.month_end, count=orders, kills=settling.MONTH_KILLS
        )
    listed["year's end"] = partial(settling.year_end, count=orders, kills=settling.YEAR_KILLS)
    listed["replay of everything"] = partial(trials.replays, shards=ALL_SHARDS)
    for shard in ALL_SHARDS:
        listed[f"replay out of order, {shard}"] = partial(trials.replays, shards=[shard])
    return listed
