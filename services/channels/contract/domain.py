"""A contract: its table of moves, its terms with their versions, and what each step does to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from channels.contract.errors import (
    ContractNeedsAnotherPerson,
    ContractOrderUnfit,
    ContractStateForbids,
    SealUseNeedsAnotherPerson,
    SealUseStateForbids,
)
from channels.turnover.domain import percent
from chassis.money import Money, UnitPrice, total


class Kind(StrEnum):
    """What a contract is."""

    SALES = "SALES"
    ANNUAL = "ANNUAL"
    GROUP_UNIFORM = "GROUP_UNIFORM"


class State(StrEnum):
    """How far a contract is."""

    DRAFT = "DRAFT"
    REVIEWED = "REVIEWED"
    SIGNED = "SIGNED"
    PERFORMING = "PERFORMING"
    CHANGED = "CHANGED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


# Source: R-142. A change is reviewed and signed like the contract itself.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.REVIEWED, State.TERMINATED}),
    State.REVIEWED: frozenset({State.SIGNED, State.TERMINATED}),
    State.SIGNED: frozenset({State.PERFORMING, State.CHANGED, State.TERMINATED}),
    State.PERFORMING: frozenset({State.CHANGED, State.COMPLETED, State.TERMINATED}),
    State.CHANGED: frozenset({State.REVIEWED, State.TERMINATED}),
    State.COMPLETED: frozenset(),
    State.TERMINATED: frozenset(),
}
ENDED: Final = frozenset({State.COMPLETED, State.TERMINATED})
# In these orders can be put under it.
OPEN_TO_ORDERS: Final = frozenset({State.SIGNED, State.PERFORMING})


class SealState(StrEnum):
    """How far the use of a seal is."""

    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    USED = "USED"


SEAL_MOVES: Final[Mapping[SealState, frozenset[SealState]]] = {
    SealState.REQUESTED: frozenset({SealState.APPROVED}),
    SealState.APPROVED: frozenset({SealState.USED}),
    SealState.USED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Proposed:
    """Hold a product, a quantity and a price that somebody proposes."""

    product_id: str
    quantity: int
    unit_price: UnitPrice


@dataclass(frozen=True, slots=True)
class Line:
    """Hold a product of a contract, and what spoke for its price.

    Shape: `floor` is the price of the policies when it was proposed; below it an approved override
        is needed. `template_version` is 0 for a product without a template.
    """

    product_id: str
    quantity: int
    unit_price: UnitPrice
    floor: UnitPrice
    override_id: str = ""
    template_version: int = 0

    @property
    def amount(self) -> Money:
        """Return the price of all pieces, rounded half up once."""
        return self.unit_price.times(self.quantity)


@dataclass(frozen=True, slots=True)
class Terms:
    """Hold one version of what a contract says; never changed once it is written."""

    terms_version: int
    lines: tuple[Line, ...]
    start_date: date
    end_date: date
    conditions: str
    reason: str
    written_by: str
    write_time: datetime

    @property
    def value(self) -> Money:
        """Return the sum of the lines.

        Source: R-145: 500 sets of 680 are 340,000.
        """
        code = self.lines[0].unit_price.currency_code
        return total(code, (line.amount for line in self.lines))


@dataclass(frozen=True, slots=True)
class Move:
    """Hold a change of state."""

    before: State
    after: State
    moved_by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """Hold what a reviewer said of one version of the terms."""

    terms_version: int
    passed: bool
    opinion: str
    reviewed_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    """Hold where a document is kept and what its bytes hash to."""

    attachment_id: str
    terms_version: int
    name: str
    reference: str
    sha256: str
    added_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """Hold all that happened to a contract, the oldest first."""

    terms: tuple[Terms, ...] = ()
    moves: tuple[Move, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reviews: tuple[Review, ...] = ()
    order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """Hold a contract as it is now; its history is read beside it."""

    contract_id: str
    kind: Kind
    partner_id: str
    customer_id: str
    unit_id: str
    title: str
    filing_id: str
    terms: Terms
    created_by: str
    create_time: datetime
    state: State = State.DRAFT
    version: int = 1

    def move(self, to: State) -> "Contract":
        """Move it along the table.

        Errors: ContractStateForbids.
        """
        if to not in MOVES[self.state]:
            raise ContractStateForbids(self.contract_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)

    def review(self, *, passed: bool, by: str) -> "Contract":
        """Take over what a reviewer says, who is not who wrote the terms.

        Errors: ContractStateForbids, ContractNeedsAnotherPerson.
        """
        moved = self.move(State.REVIEWED)
        if by == self.terms.written_by:
            raise ContractNeedsAnotherPerson(self.contract_id, by)
        return moved if passed else replace(moved, state=self.state)

    def change(self, terms: Terms) -> "Contract":
        """Say something else from the next signature on.

        Errors: ContractStateForbids.
        Source: R-142: a change is version 2 with its reason.
        """
        return replace(self.move(State.CHANGED), terms=terms)

    def require_open(self, to: State) -> None:
        """Refuse to touch a contract that has ended.

        Errors: ContractStateForbids.
        """
        if self.state in ENDED:
            raise ContractStateForbids(self.contract_id, self.state, to)

    def require_in(self, state: State, to: State) -> None:
        """Refuse what is done in one state alone.

        Errors: ContractStateForbids.
        """
        if self.state is not state:
            raise ContractStateForbids(self.contract_id, self.state, to)

    def perform(
        self, order_id: str, wanted: Mapping[str, int], *, ordered: Mapping[str, int]
    ) -> "Contract":
        """Let an order be under it.

        Shape: `wanted` are the pieces of the order, `ordered` those of the orders before it.
        Errors: ContractStateForbids, ContractOrderUnfit.
        """
        if self.state not in OPEN_TO_ORDERS:
            raise ContractStateForbids(self.contract_id, self.state, State.PERFORMING)
        agreed = {line.product_id: line.quantity for line in self.terms.lines}
        for product_id, quantity in sorted(wanted.items()):
            if ordered.get(product_id, 0) + quantity > agreed.get(product_id, 0):
                problem = f"has more of {product_id} than is left"
                raise ContractOrderUnfit(self.contract_id, order_id, problem)
        return self.move(State.PERFORMING) if self.state is State.SIGNED else self


@dataclass(frozen=True, slots=True)
class File:
    """Hold a contract with its history."""

    contract: Contract
    history: History = History()


@dataclass(frozen=True, slots=True)
class SealUse:
    """Hold one line of the seal register."""

    seal_use_id: str
    contract_id: str
    terms_version: int
    unit_id: str
    seal: str
    purpose: str
    requested_by: str
    request_time: datetime
    state: SealState = SealState.REQUESTED
    approved_by: str = ""
    approve_time: datetime | None = None
    used_by: str = ""
    use_time: datetime | None = None

    def approve(self, *, by: str, at: datetime) -> "SealUse":
        """Allow it as another person than who asked.

        Errors: SealUseStateForbids, SealUseNeedsAnotherPerson.
        """
        moved = self._move(SealState.APPROVED)
        if by == self.requested_by:
            raise SealUseNeedsAnotherPerson(self.seal_use_id, by)
        return replace(moved, approved_by=by, approve_time=at)

    def use(self, *, by: str, at: datetime) -> "SealUse":
        """Seal with it.

        Errors: SealUseStateForbids.
        """
        return replace(self._move(SealState.USED), used_by=by, use_time=at)

    def _move(self, to: SealState) -> "SealUse":
        if to not in SEAL_MOVES[self.state]:
            raise SealUseStateForbids(self.seal_use_id, self.state, to)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Template:
    """Hold one version of the text that contracts on a product follow."""

    product_id: str
    template_version: int
    reference: str
    sha256: str
    promotion: str
    published_by: str
    publish_time: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Hold how far a contract is carried out."""

    value: Money
    shipped: Money
    invoiced: Money
    received: Money

    def share(self, part: Money) -> Decimal:
        """Return a part of the value in percent with one digit; nothing of nothing is 0.

        Source: R-143: 400,000 of 1,000,000 are 40.0.
        """
        return percent(part.amount_minor, self.value.amount_minor or 1)

    @property
    def receivable(self) -> Money:
        """Return what is invoiced and not paid.

        Source: R-143: 350,000 less 300,000.
        """
        return self.invoiced - self.received

    @property
    def unbilled(self) -> Money:
        """Return what is sent and not invoiced.

        Source: R-143: 400,000 less 350,000.
        """
        return self.shipped - self.invoiced


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which contracts a list is to have; an empty text and None mean all."""

    customer_id: str = ""
    partner_id: str = ""
    state: State | None = None


@dataclass(frozen=True, slots=True)
class ContractSigned:
    """A contract, or a change of it, was signed."""

    contract: Contract


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold terms that somebody proposes."""

    lines: Sequence[Proposed]
    start_date: date
    end_date: date
    conditions: str
    reason: str = ""
