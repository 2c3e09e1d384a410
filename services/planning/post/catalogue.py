"""The role catalogue: the roles of the contract with their titles.

Read from the contract's enum, so that a role that tokens may carry is in the catalogue by being
there.
"""

from functools import cache

from mantle.options.v1 import options_pb2

from chassis.paging import Page, Slice
from planning.post.domain import RoleTitle


@cache
def roles() -> tuple[RoleTitle, ...]:
    """Return every role, in the order of the contract.

    Source: R-184.
    """
    return tuple(_title(value) for value in options_pb2.Role.DESCRIPTOR.values if value.number)


def page(part: Page) -> Slice[RoleTitle]:
    """Return a page of the roles."""
    after = part.after or (0,)
    rows = [role for role in roles() if (role.number,) > after]
    return part.slice(rows[: part.size + 1], key=lambda role: [role.number])


def _title(value: object) -> RoleTitle:
    title = value.GetOptions().Extensions[options_pb2.title]  # type: ignore[attr-defined]
    name = value.name.removeprefix("ROLE_").lower()  # type: ignore[attr-defined]
    return RoleTitle(value.number, name, title.en, title.zh)  # type: ignore[attr-defined]
