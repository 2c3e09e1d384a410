"""`python -m tests.bench [--short|--long] [--dry] [NAME …]`: measure, print, write the table.

Shape: without a name all benches run. `--short` proves that the benches work and writes no figure;
`--long` is for a night; `--dry` prints only.
"""

import argparse
import sys
import time

from tests.bench import table
from tests.bench.cases import CASES
from tests.bench.machine import describe
from tests.bench.pairs import FULL, LONG, SHORT
from tests.bench.stage import staged
from tests.bench.statistics import TooNoisy


def main(words: list[str]) -> int:
    """Run the benches named and return the exit code: 0, or 3 when one was too noisy to tell."""
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--short", action="store_true", help="prove that the benches work")
    parser.add_argument("--long", action="store_true", help="the sizes that only a night allows")
    parser.add_argument("--dry", action="store_true", help="print, and write nothing")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.names) - set(CASES):
        parser.error(f"no bench is called {', '.join(sorted(unknown))}")
    sizes = SHORT if chosen.short else LONG if chosen.long else FULL
    print(describe(), flush=True)
    noisy = 0
    for name in chosen.names or CASES:
        begin_s = time.monotonic()
        try:
            with staged() as stage:
                rows = CASES[name](stage, sizes)
        except TooNoisy as error:
            rows, noisy = [], noisy + 1
            print(f"{name}: too noisy: {error}", flush=True)
        for row in rows:
            print(row.line(), flush=True)
        if rows and not (chosen.dry or chosen.short):
            table.write(rows)
        print(f"{name} took {time.monotonic() - begin_s:.0f} s", flush=True)
    return 3 if noisy else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
