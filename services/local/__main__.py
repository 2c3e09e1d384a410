"""The commands of the local platform: `python -m local demo|up|reset|trace|config|token`."""

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.markup import escape

from local.errors import LocalError
from local.places import DIRECTORY, REPOSITORY, Places

# gRPC's usual port and the next three; others are taken when these are not free.
PREFERRED_PORTS = {"planning": 50051, "channels": 50052, "crm": 50053, "settlement": 50054}
# What the demo consists of; its own list would cost the import of gRPC.
PARTS = ("trade", "planning", "campaign")
FIRST_PROGRAM = "examples/first_call.py"
FIRST_ROLE = "business_support"
FIRST_METHOD = "mantle.process.v1.ProcessService/ListDefinitions"


def main(words: list[str]) -> int:
    """Run one command and return its exit code: 0 done, 1 stopped by this machine, 2 wrong use."""
    if words[:1] == ["trace"]:
        # It reads its own arguments, and needs nothing of what starts a platform.
        from local import trace  # noqa: PLC0415

        return trace.run(words[1:])
    asked = _parser().parse_args(words)
    console = Console()
    run: Callable[[argparse.Namespace, Console], int] = asked.run
    try:
        with _ended_by_signals():
            return run(asked, console)
    except LocalError as error:
        Console(stderr=True).print(f"[red]stopped:[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local", description="Mantle on one machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo", help="start the platform, watch a year being planned and one campaign go through"
    )
    demo.add_argument("--only", choices=PARTS, default="", help="play this part alone")
    demo.set_defaults(run=_demo)
    up = commands.add_parser("up", help="start the platform and keep it running until Ctrl-C")
    up.set_defaults(run=_up)
    reset = commands.add_parser("reset", help="end what is left over and remove all local data")
    reset.set_defaults(run=_reset)
    commands.add_parser("trace", help="show traces of the local platform")
    config = commands.add_parser("config", help="print a service's settings for a shell")
    config.add_argument("service", choices=tuple(PREFERRED_PORTS))
    config.set_defaults(run=_config)
    token = commands.add_parser("token", help="print a fresh token")
    token.add_argument("role", help="lower-case role, for example sales_director")
    token.add_argument("--unit-id", help="organisation unit of the person; default: the root")
    token.add_argument("--subject", default="", help="name of the person; default: the role")
    token.set_defaults(run=_token)
    return parser


def _demo(asked: argparse.Namespace, console: Console) -> int:
    from local import demo  # noqa: PLC0415
    from local.platform import Platform  # noqa: PLC0415
    from local.progress import Progress  # noqa: PLC0415

    platform = Platform(preferred_ports=PREFERRED_PORTS, progress=Progress(console))
    with platform:
        return demo.run(platform, console, only=asked.only)


def _up(asked: argparse.Namespace, console: Console) -> int:
    # gRPC, SQLAlchemy and the rest take most of a second to import; a quick word comes first.
    console.print("Mantle is starting; Ctrl-C ends it.")
    begin = time.monotonic()
    from local.platform import Platform  # noqa: PLC0415
    from local.progress import Progress  # noqa: PLC0415

    platform = Platform(preferred_ports=PREFERRED_PORTS, progress=Progress(console))
    try:
        platform.start()
        console.print(f"Ready after {time.monotonic() - begin:.1f} s.\n", highlight=False)
        addresses = {service: platform.address(service) for service in PREFERRED_PORTS}
        _print_first_calls(console, addresses, platform.places)
        platform.watch()
    finally:
        console.print("Stopping ...")
        platform.stop()
    return 0


def _print_first_calls(console: Console, addresses: dict[str, str], places: Places) -> None:
    tokens = places.tokens.relative_to(REPOSITORY)
    for service, address in addresses.items():
        console.print(f"  {service:<12} {address}", highlight=False)
    lines = (
        "",
        f"A token of each role lies in {tokens}/<role>, the logs in {places.logs.name}/ beside it.",
        "",
        "First calls, in another window:",
        "",
        f"  .venv/bin/python {FIRST_PROGRAM}",
        "",
        "  .venv/bin/buf curl --protocol grpc --http2-prior-knowledge --reflect \\",
        f'    -H "authorization: Bearer $(cat {tokens}/{FIRST_ROLE})" \\',
        f"    -d '{{}}' http://{addresses['planning']}/{FIRST_METHOD}",
        "",
        "  ./run trace",
        "",
    )
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _reset(asked: argparse.Namespace, console: Console) -> int:
    from local.platform import reset  # noqa: PLC0415

    reset(DIRECTORY)
    console.print(f"{DIRECTORY.relative_to(REPOSITORY)} is empty.", highlight=False)
    return 0


def _config(asked: argparse.Namespace, console: Console) -> int:
    from local.platform import Platform  # noqa: PLC0415

    for name, value in sorted(Platform().environment(asked.service).items()):
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


def _token(asked: argparse.Namespace, console: Console) -> int:
    from local.platform import Platform  # noqa: PLC0415
    from local.tokens import ROOT_UNIT_ID  # noqa: PLC0415

    unit_id = asked.unit_id or ROOT_UNIT_ID
    token = Platform().token(asked.role, unit_id=unit_id, subject=asked.subject)
    sys.stdout.write(token + "\n")
    return 0


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let the first Ctrl-C, SIGTERM or SIGHUP unwind the command; ignore the later ones."""
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        for one in known:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, end) for one in known}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
