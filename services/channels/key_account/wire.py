"""Large customers between the domain and the contract."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import key_account_pb2
from mantle.channels.v1 import key_account_service_pb2 as pb

from channels.key_account.domain import Assigned, KeyAccount, State
from channels.selection.wire import from_check
from chassis.paging import Slice
from chassis.wire import from_money, from_time

R = TypeVar("R", bound=Message)

STATES: Final = {
    state: key_account_pb2.KeyAccount.State.Value(f"STATE_{state.name}") for state in State
}


def from_account(one: KeyAccount) -> key_account_pb2.KeyAccount:
    """Write a customer."""
    return key_account_pb2.KeyAccount(
        customer_id=one.customer_id,
        unit_id=one.unit_id,
        state=STATES[one.state],
        checks=map(from_check, one.checks),
        manager=one.manager,
        assign_year=one.assign_year,
        revenue=from_money(one.revenue) if one.revenue else None,
        create_time=from_time(one.create_time),
        version=one.version,
    )


def account_in(response: Callable[..., R]) -> Callable[[KeyAccount], R]:
    """Return what answers with a customer."""
    return lambda one: response(key_account=from_account(one))


def assigned(done: Assigned) -> pb.AssignAccountManagersResponse:
    """Answer with the customers that got a manager."""
    return pb.AssignAccountManagersResponse(
        key_accounts=map(from_account, done.accounts),
        large_customers=done.large,
        assigned=done.assigned,
    )


def listed(page: Slice[Any]) -> pb.ListKeyAccountsResponse:
    """Answer with a page of customers."""
    return pb.ListKeyAccountsResponse(
        key_accounts=map(from_account, page.items), next_page_token=page.next_page_token
    )
