"""The seal register, and the signature that needs it."""

from datetime import datetime

from channels.contract import register, storage, usecases
from channels.contract.domain import (
    Contract,
    ContractSigned,
    File,
    SealState,
    SealUse,
    State,
)
from channels.contract.errors import (
    ContractPriceNeedsApproval,
    ContractWithoutAttachment,
    SealUseMissing,
)
from channels.group_filing import usecases as filings
from channels.price_override import usecases as overrides
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller


def request_seal(
    tx: Transaction, *, contract_id: str, seal: str, purpose: str, by: Caller, at: datetime
) -> Outcome[SealUse]:
    """Ask for the use of a seal on a reviewed contract.

    Errors: ContractNotFound, ContractStateForbids, OutOfScope.
    Source: R-147.
    """
    found = usecases.locked(tx, contract_id, by)
    found.require_in(State.REVIEWED, State.SIGNED)
    new = SealUse(
        seal_use_id=new_id(),
        contract_id=found.contract_id,
        terms_version=found.terms.terms_version,
        unit_id=found.unit_id,
        seal=seal,
        purpose=purpose,
        requested_by=by.actor,
        request_time=at,
    )
    register.add_use(tx, new)
    return Outcome(new)


def approve_seal(
    tx: Transaction, *, seal_use_id: str, by: Caller, at: datetime
) -> Outcome[SealUse]:
    """Allow the use of a seal.

    Errors: SealUseNotFound, SealUseStateForbids, SealUseNeedsAnotherPerson, OutOfScope.
    Source: R-147.
    """
    found = register.lock_use(tx, seal_use_id)
    scope.require(tx, by, found.unit_id)
    after = found.approve(by=by.actor, at=at)
    register.save_use(tx, after)
    return Outcome(after)


def list_seals(
    tx: Transaction, *, part: Page, by: Caller, contract_id: str, state: SealState | None
) -> Slice[SealUse]:
    """Return a page of the caller's part of the register, the newest first.

    Source: R-147.
    """
    return register.page(tx, part, by=by, contract_id=contract_id, state=state)


def sign(tx: Transaction, *, contract_id: str, by: Caller, at: datetime) -> Outcome[File]:
    """Sign a contract, or a change of it, with the seal whose use was allowed.

    Errors: ContractNotFound, ContractStateForbids, ContractWithoutAttachment,
        ContractPriceNeedsApproval, SealUseMissing, ContractFilingUnfit, GroupFilingStateForbids,
        OutOfScope.
    Source: R-142, R-146, R-147, R-148.
    """
    before = usecases.locked(tx, contract_id, by)
    signed = before.move(State.SIGNED)
    version = before.terms.terms_version
    if not storage.has_attachment(tx, contract_id, version):
        raise ContractWithoutAttachment(contract_id, version)
    _require_prices(tx, before)
    use = register.lock_approved(tx, contract_id, version)
    if use is None:
        raise SealUseMissing(contract_id, version)
    register.save_use(tx, use.use(by=by.actor, at=at))
    if version == 1 and before.filing_id:
        _claim(tx, before, by=by)
    usecases.saved(tx, before, signed, reason="", by=by, at=at)
    after = signed
    if storage.has_orders(tx, contract_id):
        after = signed.move(State.PERFORMING)
        usecases.saved(tx, signed, after, reason="", by=by, at=at)
    return Outcome(usecases.whole(tx, after), facts=[ContractSigned(after)])


def _claim(tx: Transaction, before: Contract, *, by: Caller) -> None:
    filing = filings.get(tx, filing_id=before.filing_id, by=by)
    usecases.require_filing(filing, before.customer_id)
    filings.contracted(tx, filing_id=before.filing_id, contract_id=before.contract_id, by=by)


def _require_prices(tx: Transaction, before: Contract) -> None:
    """Refuse a price below the floor whose override is not approved.

    Errors: ContractPriceNeedsApproval.
    Source: R-148.
    """
    low = [line for line in before.terms.lines if line.override_id]
    if not low:
        return
    pairs = [(before.partner_id, line.product_id) for line in low]
    approved = {one.override_id for one in overrides.usable(tx, pairs)()}
    for line in low:
        if line.override_id not in approved:
            raise ContractPriceNeedsApproval(
                before.contract_id,
                line.product_id,
                price=line.unit_price,
                floor=line.floor,
                override_id=line.override_id,
            )
