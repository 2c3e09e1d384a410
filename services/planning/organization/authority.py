"""Who may approve how much, and who is next when it is more than that.

The limits themselves are the policy `authority`; here is what follows from them. Deliberately
absent: limits of single persons or posts, because an amount is approved by a role.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import PermissionDenied
from chassis.money import Money


@dataclass(frozen=True, slots=True)
class Authority:
    """Say up to which amount a role may approve.

    Shape: `limits_minor` are inclusive, in the order of the policy; roles in `unlimited` have no
        limit, others no authority. Under `two_person` nobody approves what they wrote.
    """

    limits_minor: Mapping[str, int]
    unlimited: Sequence[str]
    two_person: bool
    currency_code: str = ""

    def require(self, amount: Money, *, roles: Collection[str], subject: str) -> None:
        """Refuse a caller without the authority over an amount.

        Errors: AuthorityInsufficient.
        """
        if not any(self.covers(role, amount.amount_minor) for role in roles):
            raise AuthorityInsufficient(amount, subject)

    def require_other(self, author: str, *, subject: str) -> None:
        """Refuse the author where two persons are asked for.

        Errors: ApproverIsAuthor.
        """
        if self.two_person and author == subject:
            raise ApproverIsAuthor(subject)

    def covers(self, role: str, amount_minor: int) -> bool:
        """Tell whether a role may approve an amount."""
        return role in self.unlimited or self.limits_minor.get(role, -1) >= amount_minor

    def has(self, role: str) -> bool:
        """Tell whether a role may approve anything at all."""
        return role in self.unlimited or role in self.limits_minor

    def ladder(self) -> list[str]:
        """List the roles with authority, the lowest limit first and those without limit last."""
        limited = sorted(self.limits_minor, key=lambda role: self.limits_minor[role])
        return [*(role for role in limited if role not in self.unlimited), *self.unlimited]

    def able(self, amount_minor: int) -> list[str]:
        """List the roles that may approve an amount, the lowest limit first."""
        return [role for role in self.ladder() if self.covers(role, amount_minor)]

    def role_for(self, amount: Money) -> str:
        """Pick the lowest role that may approve an amount; above all limits it is escalated to the
        first role without one.

        Errors: AuthorityInsufficient when no role may.
        Source: R-167.
        """
        able = self.able(amount.amount_minor)
        if not able:
            raise AuthorityInsufficient(amount, "no role")
        return able[0]

    def limit(self, role: str) -> Money | None:
        """Tell the limit of a role; None when it has none, or no authority."""
        if role in self.unlimited or role not in self.limits_minor:
            return None
        return Money(self.currency_code, self.limits_minor[role])


class AuthorityInsufficient(PermissionDenied):
    """No role of the caller has the authority over this amount."""

    reason = "AUTHORITY_INSUFFICIENT"

    def __init__(self, amount: Money, subject: str) -> None:
        """Name the amount and the caller."""
        super().__init__(
            f"{subject} has no authority over {amount.major()}",
            amountMinor=amount.amount_minor,
            subject=subject,
        )


class ApproverIsAuthor(PermissionDenied):
    """A second person must approve what one person wrote."""

    reason = "APPROVER_IS_AUTHOR"

    def __init__(self, subject: str) -> None:
        """Name the person."""
        super().__init__(f"{subject} wrote it and cannot approve it", subject=subject)
