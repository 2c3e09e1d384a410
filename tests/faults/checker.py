"""Hold what is left of a trial against the invariants."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults.evidence import Evidence
from tests.faults.invariants import INVARIANTS


@dataclass(frozen=True, slots=True)
class Violation:
    """Hold one broken invariant and the sentence that says how."""

    invariant: str
    sentence: str

    def __str__(self) -> str:
        """Say both in one line."""
        return f"{self.invariant}: {self.sentence}"


def check(*, journals: Path, databases: Mapping[str, str], telemetry: Path) -> list[Violation]:
    """Return everything that breaks an invariant, in the order of the invariants."""
    evidence = Evidence(journals, databases, telemetry)
    try:
        return [
            Violation(invariant.__name__, sentence)
            for invariant in INVARIANTS
            for sentence in invariant(evidence)
        ]
    finally:
        evidence.close()
