"""Contracts, seal uses and templates between the domain and the contract."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import contract_pb2, events_pb2
from mantle.channels.v1 import contract_service_pb2 as pb

from channels.contract.domain import (
    ContractSigned,
    Draft,
    File,
    Filter,
    History,
    Kind,
    Line,
    Move,
    Progress,
    Proposed,
    SealState,
    SealUse,
    State,
    Template,
    Terms,
)
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_decimal, from_money, from_time, from_unit_price, to_unit_price

R = TypeVar("R", bound=Message)

STATES: Final = {state: contract_pb2.Contract.State.Value(f"STATE_{state.name}") for state in State}
KINDS: Final = {kind: contract_pb2.Contract.Kind.Value(f"KIND_{kind.name}") for kind in Kind}
SEALS: Final = {
    state: contract_pb2.SealUse.State.Value(f"STATE_{state.name}") for state in SealState
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}
SEALS_READ: Final = {int(number): state for state, number in SEALS.items()}


def to_kind(request: pb.CreateContractRequest) -> Kind:
    """Read what a contract is to be."""
    return KINDS_READ[int(request.kind)]


def to_draft(request: pb.CreateContractRequest | pb.ChangeContractRequest) -> Draft:
    """Read the terms that somebody proposes.

    Errors: PeriodInvalid, AmountInvalid.
    """
    return Draft(
        lines=_to_lines(request.lines),
        start_date=parse_date(request.start_date),
        end_date=parse_date(request.end_date),
        conditions=request.conditions,
        reason=request.reason if isinstance(request, pb.ChangeContractRequest) else "",
    )


def _to_lines(lines: Iterable[pb.NewContractLine]) -> list[Proposed]:
    return [Proposed(one.product_id, one.quantity, to_unit_price(one.unit_price)) for one in lines]


def wanted(request: pb.ListContractsRequest) -> Filter:
    """Read which contracts a list is to have."""
    state = STATES_READ.get(int(request.state))
    return Filter(request.customer_id, request.partner_id, state)


def to_seal_state(request: pb.ListSealUsesRequest) -> SealState | None:
    """Read which lines of the register a list is to have."""
    return SEALS_READ.get(int(request.state))


def from_file(file: File) -> contract_pb2.Contract:
    """Write a contract with what is known of its history."""
    one, past = file.contract, file.history
    message = contract_pb2.Contract(
        contract_id=one.contract_id,
        kind=KINDS[one.kind],
        partner_id=one.partner_id,
        customer_id=one.customer_id,
        unit_id=one.unit_id,
        title=one.title,
        filing_id=one.filing_id,
        state=STATES[one.state],
        terms=_from_terms(one.terms),
        all_terms=map(_from_terms, past.terms),
        moves=map(_from_move, past.moves),
        order_ids=past.order_ids,
        created_by=one.created_by,
        create_time=from_time(one.create_time),
        version=one.version,
    )
    _write_archive(message, past)
    return message


def contract_in(response: Callable[..., R]) -> Callable[[File], R]:
    """Return what answers with a contract."""
    return lambda file: response(contract=from_file(file))


def listed(page: Slice[Any]) -> pb.ListContractsResponse:
    """Answer with a page of contracts."""
    return pb.ListContractsResponse(
        contracts=map(from_file, page.items), next_page_token=page.next_page_token
    )


def seal_in(response: Callable[..., R]) -> Callable[[SealUse], R]:
    """Return what answers with a line of the register."""
    return lambda one: response(seal_use=from_seal(one))


def seals_listed(page: Slice[Any]) -> pb.ListSealUsesResponse:
    """Answer with a page of the register."""
    return pb.ListSealUsesResponse(
        seal_uses=map(from_seal, page.items), next_page_token=page.next_page_token
    )


def from_seal(one: SealUse) -> contract_pb2.SealUse:
    """Write a line of the register."""
    return contract_pb2.SealUse(
        seal_use_id=one.seal_use_id,
        contract_id=one.contract_id,
        terms_version=one.terms_version,
        seal=one.seal,
        purpose=one.purpose,
        state=SEALS[one.state],
        unit_id=one.unit_id,
        requested_by=one.requested_by,
        request_time=from_time(one.request_time),
        approved_by=one.approved_by,
        approve_time=from_time(one.approve_time) if one.approve_time else None,
        used_by=one.used_by,
        use_time=from_time(one.use_time) if one.use_time else None,
    )


def template_in(response: Callable[..., R]) -> Callable[[Template], R]:
    """Return what answers with a template."""
    return lambda one: response(
        template=contract_pb2.ContractTemplate(
            product_id=one.product_id,
            template_version=one.template_version,
            reference=one.reference,
            sha256=one.sha256,
            promotion=one.promotion,
            published_by=one.published_by,
            publish_time=from_time(one.publish_time),
        )
    )


def progressed(found: Progress) -> pb.GetContractProgressResponse:
    """Answer with how far a contract is."""
    return pb.GetContractProgressResponse(
        progress=contract_pb2.ContractProgress(
            value=from_money(found.value),
            shipped=from_money(found.shipped),
            invoiced=from_money(found.invoiced),
            received=from_money(found.received),
            shipped_percent=from_decimal(found.share(found.shipped)),
            invoiced_percent=from_decimal(found.share(found.invoiced)),
            received_percent=from_decimal(found.share(found.received)),
            receivable=from_money(found.receivable),
            unbilled=from_money(found.unbilled),
        )
    )


def _from_terms(terms: Terms) -> contract_pb2.ContractTerms:
    return contract_pb2.ContractTerms(
        terms_version=terms.terms_version,
        lines=map(_from_line, terms.lines),
        value=from_money(terms.value),
        start_date=terms.start_date.isoformat(),
        end_date=terms.end_date.isoformat(),
        conditions=terms.conditions,
        reason=terms.reason,
        written_by=terms.written_by,
        write_time=from_time(terms.write_time),
    )


def _from_line(line: Line) -> contract_pb2.ContractLine:
    return contract_pb2.ContractLine(
        product_id=line.product_id,
        quantity=line.quantity,
        unit_price=from_unit_price(line.unit_price),
        amount=from_money(line.amount),
        floor_unit_price=from_unit_price(line.floor),
        price_override_id=line.override_id,
        template_version=line.template_version,
    )


def _from_move(move: Move) -> contract_pb2.ContractMove:
    message = contract_pb2.ContractMove(
        to=STATES[move.after],
        moved_by=move.moved_by,
        reason=move.reason,
        move_time=from_time(move.at),
    )
    # `from` is a word of Python, so it cannot be a keyword argument.
    setattr(message, "from", STATES[move.before])
    return message


def _write_archive(message: contract_pb2.Contract, past: History) -> None:
    for one in past.attachments:
        message.attachments.add(
            attachment_id=one.attachment_id,
            terms_version=one.terms_version,
            name=one.name,
            reference=one.reference,
            sha256=one.sha256,
            added_by=one.added_by,
            add_time=from_time(one.at),
        )
    for said in past.reviews:
        message.reviews.add(
            terms_version=said.terms_version,
            passed=said.passed,
            opinion=said.opinion,
            reviewed_by=said.reviewed_by,
            review_time=from_time(said.at),
        )


def _signed_event(fact: ContractSigned) -> EventDraft:
    payload = events_pb2.ContractSigned(contract=from_file(File(fact.contract)))
    return EventDraft(payload, f"contract/{fact.contract.contract_id}")


FACTS: Final[FactTable] = {ContractSigned: _signed_event}
