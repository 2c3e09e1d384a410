"""What can be done with policies: write, approve, withdraw, look up, try.

A look-up gives its scopes from the nearest to the widest and does not know whether the kind is
owned or copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import conditions, storage
from chassis.policy.conditions import ConditionFailed
from chassis.policy.defaults import read_drafts
from chassis.policy.domain import (
    PLATFORM,
    Bindable,
    ConditionResult,
    Draft,
    Explanation,
    KindSpec,
    Policy,
    PolicyApproved,
    PolicyApproverIsAuthor,
    PolicyApproverRoleForbids,
    PolicyBackdated,
    PolicyInvalid,
    PolicyKindNotOwned,
    PolicyKinds,
    PolicyNotFound,
    PolicyWithdrawn,
    State,
    Wanted,
    predecessor_of,
)
from chassis.policy.parameters import Parameters, misfits
from chassis.scope import Caller, require

UNIT_SCOPE: Final = "unit:"


def create(
    tx: Transaction, *, draft: Draft, kinds: PolicyKinds, by: Caller, at: datetime
) -> Outcome[Policy]:
    """Write the next version of a kind and scope as a draft.

    Errors: PolicyKindNotOwned, PolicyInvalid, ConditionInvalid, OutOfScope for a unit of others.
    """
    spec = _spec(kinds, draft.kind)
    _require_scope(tx, by, draft.scope)
    check(draft, spec)
    storage.lock_line(tx, kind=draft.kind, scope=draft.scope)
    version = storage.next_version(tx, kind=draft.kind, scope=draft.scope)
    new = _written(draft, spec, version=version, by=by.subject, at=at)
    storage.add(tx, new)
    return Outcome(new)


def approve(
    tx: Transaction,
    *,
    policy_id: str,
    kinds: PolicyKinds,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[PolicyApproved]:
    """Approve a draft, and end the version that it follows on the day before.

    Errors: PolicyNotFound, PolicyKindNotOwned, PolicyApproverRoleForbids, PolicyApproverIsAuthor,
        PolicyStateForbids, PolicyBackdated, PolicyOverlaps, OutOfScope for a unit of others.
    """
    draft = storage.own(tx, policy_id)
    spec = _spec(kinds, draft.kind)
    _require_scope(tx, by, draft.scope)
    _require_approver(draft, spec, by)
    if spec.two_person and by.subject == draft.created_by:
        raise PolicyApproverIsAuthor(draft)
    approved = draft.approve(by=by.subject, at=at)
    if draft.valid.start < today and not spec.backdated:
        raise PolicyBackdated(draft, today)
    fact = _put_in_force(tx, approved)
    storage.save(tx, approved)
    return Outcome(fact, facts=[fact])


def withdraw(
    tx: Transaction,
    *,
    policy_id: str,
    kinds: PolicyKinds,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[PolicyWithdrawn]:
    """Take a version back; before it began, the version that it was to follow goes on.

    Errors: PolicyNotFound, PolicyKindNotOwned, PolicyApproverRoleForbids, PolicyStateForbids,
        OutOfScope for a unit of others.
    """
    before = storage.own(tx, policy_id)
    spec = _spec(kinds, before.kind)
    _require_scope(tx, by, before.scope)
    is_own_draft = before.state is State.DRAFT and by.subject == before.created_by
    if not is_own_draft:
        _require_approver(before, spec, by)
    after = before.withdraw(by=by.subject, at=at, today=today)
    storage.save(tx, after)
    reopened = None
    if after.state is State.WITHDRAWN:
        reopened = _reopen(tx, before)
    fact = PolicyWithdrawn(after, reopened)
    return Outcome(fact, facts=[] if before.state is State.DRAFT else [fact])


def ensure_defaults(
    tx: Transaction, *, directory: Path, kinds: PolicyKinds, at: datetime
) -> Outcome[list[Policy]]:
    """Put the platform's own policies in force where their kind and scope has no version yet.

    Shape: the policies that were new. To be called at every start; the files are checked each time.
    Errors: PolicyFileInvalid, PolicyKindNotOwned, PolicyInvalid, ConditionInvalid.
    """
    facts: list[PolicyApproved] = []
    # Sorted, so that two pods that start at once take the lines' locks in the same order.
    for draft in sorted(read_drafts(directory), key=lambda draft: (draft.kind, draft.scope)):
        spec = _spec(kinds, draft.kind)
        check(draft, spec)
        storage.lock_line(tx, kind=draft.kind, scope=draft.scope)
        if storage.next_version(tx, kind=draft.kind, scope=draft.scope) > 1:
            continue
        new = _written(draft, spec, version=1, by=PLATFORM, at=at).approve(by=PLATFORM, at=at)
        storage.add(tx, new)
        facts.append(PolicyApproved(new, None))
    return Outcome([fact.policy for fact in facts], facts=facts)


def check(draft: Draft, spec: KindSpec) -> None:
    """Refuse what is not a policy of its kind.

    Errors: PolicyInvalid, ConditionInvalid.
    """
    problems = misfits(draft.parameters, spec.parameters)
    if not problems and spec.problems is not None:
        problems += spec.problems(draft.parameters)
    missing = sorted(spec.conditions - draft.conditions.keys())
    problems += [f"conditions.{name} is missing" for name in missing]
    if problems:
        raise PolicyInvalid(draft.kind, problems)
    within = conditions.environment(spec.variables)
    for text in draft.conditions.values():
        within.condition(text)


def get(tx: Transaction, *, policy_id: str) -> Policy:
    """Return a version, owned or copied.

    Errors: PolicyNotFound.
    """
    return storage.get(tx, policy_id)


def list_page(tx: Transaction, *, wanted: Wanted, part: Page) -> Slice[Policy]:
    """Return one page of the versions wanted, by kind, scope and version."""
    return storage.page(tx, wanted, part)


def versions(tx: Transaction, *, kind: str, scope: str) -> list[Policy]:
    """Return all versions of a kind and scope, the oldest first."""
    return storage.versions(tx, kind=kind, scope=scope)


def in_force(tx: Transaction, *, kind: str, scopes: Sequence[str], on: date) -> Policy:
    """Return the version that holds on a day in the nearest of the scopes.

    Shape: `scopes` from the nearest to the widest; the whole company is one of them only when it is
        named.
    Errors: PolicyNotFound.
    Source: R-092, R-304.
    """
    found = storage.in_force(tx, kind=kind, scopes=scopes, on=on)
    if not found:
        raise PolicyNotFound.in_force(kind, scopes, on)
    return found[0]


def explain_in_force(
    tx: Transaction,
    *,
    kind: str,
    scopes: Sequence[str],
    on: date,
    values: Mapping[str, Bindable],
) -> Explanation:
    """Try the version in force on sample values.

    Errors: PolicyNotFound.
    """
    candidates = storage.in_force(tx, kind=kind, scopes=scopes, on=on)
    if not candidates:
        raise PolicyNotFound.in_force(kind, scopes, on)
    return Explanation(candidates[0], _results(candidates[0], values), candidates)


def explain(tx: Transaction, *, policy_id: str, values: Mapping[str, Bindable]) -> Explanation:
    """Try one version on sample values, whatever its state and its days.

    Errors: PolicyNotFound.
    """
    found = storage.get(tx, policy_id)
    return Explanation(found, _results(found, values), ())


def apply_copies(tx: Transaction, *, received: Sequence[Policy]) -> None:
    """Keep versions as their owner told them; older news never replaces newer."""
    for policy in sorted(received, key=lambda policy: policy.policy_id):
        storage.apply_copy(tx, policy)


def _put_in_force(tx: Transaction, approved: Policy) -> PolicyApproved:
    """End the predecessor first, because the database refuses a shared day even for a moment."""
    others = storage.approved(tx, kind=approved.kind, scope=approved.scope)
    predecessor = predecessor_of(approved, others)
    if predecessor is None:
        return PolicyApproved(approved, None)
    ended = predecessor.end_for(approved)
    storage.save(tx, ended)
    return PolicyApproved(approved, ended)


def _reopen(tx: Transaction, withdrawn: Policy) -> Policy | None:
    predecessor = storage.ended_by(tx, withdrawn.policy_id)
    if predecessor is None:
        return None
    reopened = predecessor.reopen_after(withdrawn)
    storage.save(tx, reopened)
    return reopened


def _results(policy: Policy, values: Mapping[str, Bindable]) -> list[ConditionResult]:
    within = conditions.environment(policy.variables)
    results = []
    for name, text in policy.conditions.items():
        result = ConditionResult(name, text, holds=False, problem="")
        try:
            result = replace(result, holds=within.condition(text).holds(within.bind(values)))
        except ConditionFailed as error:
            result = replace(result, problem=error.metadata["problem"])
        results.append(result)
    return results


def _written(draft: Draft, spec: KindSpec, *, version: int, by: str, at: datetime) -> Policy:
    return Policy(
        policy_id=new_id(),
        kind=draft.kind,
        scope=draft.scope,
        version=version,
        valid=draft.valid,
        planned_end=draft.valid.end,
        state=State.DRAFT,
        assumed=draft.assumed,
        summary=draft.summary,
        parameters=Parameters(draft.parameters),
        conditions=draft.conditions,
        variables=spec.variables,
        created_by=by,
        create_time=at,
    )


def _spec(kinds: PolicyKinds, kind: str) -> KindSpec:
    if kind not in kinds:
        raise PolicyKindNotOwned(kind)
    return kinds[kind]


def _require_scope(tx: Transaction, by: Caller, scope: str) -> None:
    """Refuse rules for a part of the organisation that the caller has no say over."""
    if scope.startswith(UNIT_SCOPE):
        require(tx, by, scope.removeprefix(UNIT_SCOPE))


def _require_approver(policy: Policy, spec: KindSpec, by: Caller) -> None:
    if not by.roles & spec.approve_roles:
        raise PolicyApproverRoleForbids(policy, spec)
