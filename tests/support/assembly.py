"""What each service is wired of, written down while its own `build` runs.

Nothing listens and no database is reached: the contracts can be compared with the code before
anything starts.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from chassis.clock import FileClock
from chassis.events.applier import Handler
from chassis.policy.domain import PolicyKinds
from chassis.rpc.server import Server
from chassis.rpc.service import Service
from chassis.settings import SERVICES
from local.databases import ServiceDatabase
from local.tokens import TokenIssuer
from tests.support.server import START, World

NOWHERE = "postgresql+psycopg://nobody:nothing@127.0.0.1:1/nothing"


@dataclass(slots=True)
class Assembly:
    """Hold the parts that one service was made of.

    Shape: `followed` has the handlers by the service whose log they follow.
    """

    name: str
    servicers: list[tuple[ServiceDescriptor, object]] = field(default_factory=list)
    kinds: dict[str, PolicyKinds] = field(default_factory=dict)
    policies: list[Path] = field(default_factory=list)
    processes: list[Path] = field(default_factory=list)
    followed: dict[str, list[Handler]] = field(default_factory=dict)

    @property
    def contracts(self) -> set[str]:
        """Return the full names of the contracts that are served."""
        return {descriptor.full_name for descriptor, _ in self.servicers}

    @property
    def owned_kinds(self) -> PolicyKinds:
        """Return the kinds of policy that the service owns."""
        return {kind: spec for kinds in self.kinds.values() for kind, spec in kinds.items()}


@pytest.fixture(scope="session")
def assemblies(
    tmp_path_factory: pytest.TempPathFactory, token_issuer: TokenIssuer
) -> dict[str, Assembly]:
    """Give what each of the four services was made of."""
    directory = tmp_path_factory.mktemp("assembly")
    clock = FileClock(directory / "clock.json")
    clock.set(START)
    world = World(
        directory, lambda name: ServiceDatabase(name, NOWHERE, NOWHERE), token_issuer, clock
    )
    return {name: _assembled(world, name) for name in SERVICES}


def _assembled(world: World, name: str) -> Assembly:
    made = Assembly(name)
    with pytest.MonkeyPatch.context() as patch:
        for (owner, method), note in _notes(made).items():
            patch.setattr(owner, method, _noting(getattr(owner, method), note))
        built: Service = importlib.import_module(f"{name}.__main__").build(world.settings(name))
    for peer in (*built.peers.values(), *built.neighbours.values()):
        peer.close()
    built.database.close()
    built.telemetry.stop()
    return made


def _notes(made: Assembly) -> dict[tuple[type, str], Callable[..., object]]:
    def mounted(contract: ServiceDescriptor, servicer: object, **_rest: object) -> None:
        made.servicers.append((contract, servicer))

    def followed(source: str, handlers: Iterable[Handler]) -> None:
        made.followed[source] = list(handlers)

    def policies(kinds: PolicyKinds, directory: Path, **_rest: object) -> None:
        made.kinds[str(directory)] = kinds
        made.policies.append(directory)

    return {
        (Server, "mount"): mounted,
        (Service, "mount_processes"): made.processes.append,
        (Service, "mount_policies"): policies,
        (Service, "subscribe"): followed,
    }


def _noting(original: Callable[..., Any], note: Callable[..., object]) -> Callable[..., Any]:
    def noted(self: object, *arguments: Any, **keywords: Any) -> Any:
        # A generator of handlers can be read once only.
        kept = [list(one) if isinstance(one, Iterator) else one for one in arguments]
        note(*kept, **keywords)
        return original(self, *kept, **keywords)

    return noted


def modules_of(package: str) -> list[ModuleType]:
    """Import every module of a package but its `__main__` and its migrations."""
    root = importlib.import_module(package)
    found = [root]
    for one in pkgutil.walk_packages(root.__path__, f"{package}."):
        if "migrations" not in one.name and not one.name.endswith("__main__"):
            found.append(importlib.import_module(one.name))
    return found
