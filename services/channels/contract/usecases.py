"""What is done with contracts: propose, review, change, end, carry out, and look up."""

from datetime import datetime

from channels.contract import proposing, register, storage
from channels.contract.domain import (
    Attachment,
    Contract,
    Draft,
    File,
    Filter,
    Kind,
    Move,
    Progress,
    Review,
    State,
    Template,
)
from channels.contract.errors import ContractFilingUnfit, ContractOrderUnfit
from channels.contract.proposing import Desk
from channels.group_filing import usecases as filings
from channels.group_filing.domain import Filing
from channels.group_filing.domain import State as FilingState
from channels.order import usecases as orders
from channels.order.domain import ENDED as ORDER_ENDED
from channels.partner import usecases as partners
from channels.product import usecases as products
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller


def create(
    tx: Transaction,
    *,
    kind: Kind,
    partner_id: str,
    customer_id: str,
    title: str,
    filing_id: str,
    draft: Draft,
    desk: Desk,
) -> Outcome[File]:
    """Propose a contract with a partner.

    Errors: those of `proposing.write`, GroupFilingNotFound, ContractFilingUnfit.
    Source: R-142, R-148.
    """
    partner = partners.get(tx, partner_id=partner_id, by=desk.by)
    if kind is Kind.GROUP_UNIFORM:
        require_filing(filings.get(tx, filing_id=filing_id, by=desk.by), customer_id)
    contract_id = new_id()
    terms = proposing.write(
        tx, draft, desk=desk, partner_id=partner_id, contract_id=contract_id, version=1
    )
    new = Contract(
        contract_id=contract_id,
        kind=kind,
        partner_id=partner_id,
        customer_id=customer_id,
        unit_id=partner.unit_id,
        title=title,
        filing_id=filing_id,
        terms=terms,
        created_by=desk.by.actor,
        create_time=desk.at,
    )
    storage.add(tx, new)
    return Outcome(whole(tx, new))


def require_filing(filing: Filing, customer_id: str) -> None:
    """Refuse a filing that is of another client or not confirmed.

    Errors: ContractFilingUnfit.
    Source: R-144.
    """
    if filing.client_id != customer_id:
        raise ContractFilingUnfit(filing.filing_id, f"is of client {filing.client_id}")
    if filing.state is not FilingState.CONFIRMED:
        raise ContractFilingUnfit(filing.filing_id, f"is {filing.state}")


def attach(
    tx: Transaction,
    *,
    contract_id: str,
    name: str,
    reference: str,
    sha256: str,
    by: Caller,
    at: datetime,
) -> Outcome[File]:
    """Add a document to the archive, for the terms as they are now.

    Errors: ContractNotFound, ContractStateForbids, OutOfScope.
    Source: R-146.
    """
    found = locked(tx, contract_id, by)
    found.require_open(found.state)
    new = Attachment(new_id(), found.terms.terms_version, name, reference, sha256, by.actor, at)
    storage.add_attachment(tx, contract_id, new)
    return Outcome(whole(tx, found))


def review(
    tx: Transaction, *, contract_id: str, passed: bool, opinion: str, by: Caller, at: datetime
) -> Outcome[File]:
    """Record what a reviewer says of the terms.

    Errors: ContractNotFound, ContractStateForbids, ContractNeedsAnotherPerson, OutOfScope.
    Source: R-145.
    """
    before = locked(tx, contract_id, by)
    after = before.review(passed=passed, by=by.actor)
    saved(tx, before, after, reason=opinion, by=by, at=at)
    said = Review(before.terms.terms_version, passed, opinion, by.actor, at)
    storage.add_review(tx, after, said)
    return Outcome(whole(tx, after))


def change(tx: Transaction, *, contract_id: str, draft: Draft, desk: Desk) -> Outcome[File]:
    """Write the next version of the terms with its reason.

    Errors: ContractNotFound, ContractStateForbids, and those of `proposing.write`.
    Source: R-142.
    """
    before = locked(tx, contract_id, desk.by)
    before.move(State.CHANGED)
    terms = proposing.write(
        tx,
        draft,
        desk=desk,
        partner_id=before.partner_id,
        contract_id=before.contract_id,
        version=before.terms.terms_version + 1,
    )
    after = before.change(terms)
    saved(tx, before, after, reason=draft.reason, by=desk.by, at=desk.at)
    storage.add_terms(tx, after)
    return Outcome(whole(tx, after))


def end(
    tx: Transaction, *, contract_id: str, to: State, reason: str, by: Caller, at: datetime
) -> Outcome[File]:
    """Complete or terminate a contract.

    Errors: ContractNotFound, ContractStateForbids, OutOfScope.
    Source: R-142.
    """
    before = locked(tx, contract_id, by)
    after = before.move(to)
    saved(tx, before, after, reason=reason, by=by, at=at)
    return Outcome(whole(tx, after))


def add_order(
    tx: Transaction, *, contract_id: str, order_id: str, by: Caller, at: datetime
) -> Outcome[File]:
    """Put an order under a contract, which lets it go to production.

    Errors: ContractNotFound, ContractStateForbids, OrderNotFound, ContractOrderUnfit,
        MeasuringIncomplete, OutOfScope.
    Source: R-143, R-145.
    """
    before = locked(tx, contract_id, by)
    order = orders.get(tx, order_id=order_id, by=by)
    if order.partner_id != before.partner_id:
        raise ContractOrderUnfit(contract_id, order_id, "is of another partner")
    if order.state in ORDER_ENDED:
        raise ContractOrderUnfit(contract_id, order_id, f"is {order.state}")
    taken = storage.ordered(tx, contract_id)
    after = before.perform(order_id, order.quantities(), ordered=taken)
    if before.filing_id:
        filings.require_measured(tx, before.filing_id)
    if not storage.add_order(tx, contract_id, order.order_id, at=at):
        raise ContractOrderUnfit(contract_id, order_id, "is under a contract already")
    if after is not before:
        saved(tx, before, after, reason="", by=by, at=at)
    return Outcome(whole(tx, after))


def get(tx: Transaction, *, contract_id: str, by: Caller) -> File:
    """Return a contract with its history.

    Errors: ContractNotFound, OutOfScope.
    """
    return whole(tx, _own(tx, contract_id, by))


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[File]:
    """Return a page of the caller's contracts without their history, the newest first.

    Source: R-146.
    """
    return storage.page(tx, part, by=by, wanted=wanted).map(File)


def progress(tx: Transaction, *, contract_id: str, by: Caller) -> Progress:
    """Return how far a contract is carried out.

    Errors: ContractNotFound, OutOfScope.
    Source: R-143.
    """
    return storage.progress(tx, _own(tx, contract_id, by))


def publish_template(
    tx: Transaction,
    *,
    product_id: str,
    reference: str,
    sha256: str,
    promotion: str,
    by: Caller,
    at: datetime,
) -> Outcome[Template]:
    """Publish the next version of a product's template; it is the same in every channel, so it is
    for the root of the organisation to say.

    Errors: ProductNotFound, OutOfScope.
    Source: R-149.
    """
    scope.require_root(tx, by)
    products.get(tx, product_id=product_id)
    register.lock_templates(tx, product_id)
    version = register.template_versions(tx, [product_id]).get(product_id, 0) + 1
    new = Template(product_id, version, reference, sha256, promotion, by.actor, at)
    register.add_template(tx, new)
    return Outcome(new)


def template(tx: Transaction, *, product_id: str) -> Template:
    """Return the newest template of a product.

    Errors: ContractTemplateNotFound.
    """
    return register.get_template(tx, product_id)


def locked(tx: Transaction, contract_id: str, by: Caller) -> Contract:
    """Lock a contract of the caller's part of the organisation.

    Errors: ContractNotFound, OutOfScope.
    """
    found = storage.get(tx, contract_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def saved(
    tx: Transaction, before: Contract, after: Contract, *, reason: str, by: Caller, at: datetime
) -> None:
    """Write a contract that was locked before, and its move when its state is another one."""
    storage.save(tx, after)
    if after.state is not before.state:
        storage.add_move(tx, after, Move(before.state, after.state, by.actor, reason, at))


def whole(tx: Transaction, source: Contract) -> File:
    """Return a contract with its history."""
    return File(source, storage.history(tx, source.contract_id))


def _own(tx: Transaction, contract_id: str, by: Caller) -> Contract:
    found = storage.get(tx, contract_id)
    scope.require(tx, by, found.unit_id)
    return found
