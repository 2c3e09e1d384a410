"""`python -m tests.faults [planted] [--seed N] [--orders N] [--short] [--only NAME …]`.

Without a word all trials run on one platform: every seam of every service, with 100 orders each.
`planted` runs the planted faults instead, each on a platform of its own. The seed decides what
clients want and where things break; the operating system decides who is faster.
"""

import argparse
import sys
import time

from tests.faults import planted
from tests.faults.suite import names, run


def main(words: list[str]) -> int:
    """Run what was asked for and return the exit code: 0, or 1 when something was found."""
    parser = argparse.ArgumentParser(prog="./run faults")
    parser.add_argument("what", nargs="?", choices=("trials", "planted"), default="trials")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=100, help="orders a trial")
    parser.add_argument("--short", action="store_true", help="the form that runs with the tests")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="parts of names")
    parser.add_argument("--list", action="store_true", help="print the names")
    asked = parser.parse_args(words)
    if asked.list:
        print("\n".join(planted.names() if asked.what == "planted" else names(short=asked.short)))
        return 0
    begin_s = time.monotonic()
    print(f"seed {asked.seed}, {asked.orders} orders a trial", flush=True)
    if asked.what == "planted":
        missed = planted.run(seed=asked.seed, only=asked.only)
        print(f"took {time.monotonic() - begin_s:.0f} s; missed: {', '.join(missed) or 'none'}")
        return 1 if missed else 0
    found = run(seed=asked.seed, orders=asked.orders, short=asked.short, only=asked.only)
    broken = sum(len(one.violations) for one in found)
    tried = sum(one.orders for one in found)
    print(
        f"{len(found)} trials, {tried} orders, {broken} violations,"
        f" {time.monotonic() - begin_s:.0f} s"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
