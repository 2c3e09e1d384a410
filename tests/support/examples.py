"""One example of every write of every contract: what must exist first, and a request to send once.

Each service has modules `examples_<service>` and `examples_<service>_<capability>` with a function
per write RPC, called like the RPC in snake case; those of the contracts that several services serve
stand in `examples_shared`. An arrange function makes what is needed through the public API and
changes nothing else.
"""

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from chassis.rpc.methods import Method, methods_of
from chassis.settings import SERVICES
from tests.support.server import ROOT_UNIT, START, World

ROOT = Path(__file__).resolve().parents[2]
SHARED = "shared"
# What systems beside the platform implement; the platform calls it and serves none of it.
NEIGHBOUR = "neighbour"
HOSTS = {
    "mantle.events.v1.EventLogService": "channels",
    "mantle.policy.v1.PolicyService": "channels",
    "mantle.process.v1.ProcessService": "planning",
    "mantle.work.v1.WorkService": "settlement",
}


@dataclass(frozen=True, slots=True)
class Example:
    """Hold a request that is ready to be sent once, and who may send it.

    Shape: `service` names who is asked where several serve the RPC; empty is the contract's own.
    """

    request: Message
    role: str
    unit_id: str = ROOT_UNIT
    service: str = ""
    subject: str = ""


Arrange = Callable[[World], Example]


def files() -> list[Any]:
    """Return the descriptors of all contract files, by path."""
    found = []
    for path in sorted((ROOT / "protos" / "mantle").rglob("*.proto")):
        name = path.relative_to(ROOT / "protos").with_suffix("").as_posix().replace("/", ".")
        found.append(importlib.import_module(f"{name}_pb2").DESCRIPTOR)
    return found


def home_of_file(file: Any) -> str:
    """Return the part of a file's package that names its service: `mantle.crm.v1` is crm's."""
    return str(file.package.split(".")[1])


def contracts() -> list[ServiceDescriptor]:
    """Return every gRPC service of the platform's own contracts, by name."""
    own = [file for file in files() if home_of_file(file) != NEIGHBOUR]
    services = [one for file in own for one in file.services_by_name.values()]
    return sorted(services, key=lambda one: one.full_name)


def all_methods() -> list[Method]:
    """Return every RPC of every contract, by name."""
    return [method for service in contracts() for method in methods_of(service)]


def writes() -> list[Method]:
    """Return the RPCs that have an effect."""
    return [method for method in all_methods() if method.writes]


def home_of(method: Method) -> str:
    """Return the service whose contract has this RPC, or "shared" when several serve it."""
    package = method.name.split(".")[1]
    return package if package in SERVICES else SHARED


def host_of(method: Method) -> str:
    """Return a service that serves the RPC; of a shared contract, the one its examples ask."""
    home = home_of(method)
    return HOSTS[method.name.split("/")[0]] if home == SHARED else home


def arrange_of(method: Method) -> Arrange | None:
    """Return the arrange function of a write, or None when nobody wrote one."""
    for module in _modules(home_of(method)):
        found: Arrange | None = getattr(module, snake(method.short), None)
        if found is not None:
            return found
    return None


def example_of(world: World, method: Method) -> Example:
    """Arrange an example of a write, at the time at which every world begins.

    Shape: an example may take the world's clock with it, so each begins by setting it back.
    Errors: Refused, when something that the example needs is refused.
    """
    arrange = arrange_of(method)
    assert arrange is not None, f"tests/support/examples_{home_of(method)}*.py lack {method.short}"
    world.clock.set(START)
    return arrange(world)


def arranged(where: str) -> set[str]:
    """Return the names of the arrange functions of a service."""
    return {
        name
        for module in _modules(where)
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and inspect.signature(value).return_annotation in (Example, "Example")
        and not name.startswith("_")
    }


def snake(name: str) -> str:
    """Write `ApproveBudgetLine` as `approve_budget_line`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _modules(home: str) -> list[ModuleType]:
    # Imported late: the modules of the services import Example from here.
    here = Path(__file__).parent
    files = [*here.glob(f"examples_{home}.py"), *sorted(here.glob(f"examples_{home}_*.py"))]
    return [importlib.import_module(f"tests.support.{path.stem}") for path in files]
