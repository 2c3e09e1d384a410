"""Why the profit of a plan cannot be told or computed."""

from chassis.errors import FailedPrecondition, InvalidArgument


class ExpenseTypeUnknown(InvalidArgument):
    """The expense catalogue in force does not have this type."""

    reason = "EXPENSE_TYPE_UNKNOWN"

    def __init__(self, expense_type: str) -> None:
        """Name it."""
        super().__init__(f"there is no expense type {expense_type}", expenseType=expense_type)


class ProfitAssumptionMissing(FailedPrecondition):
    """A product has volume in the version, and no price is set for it."""

    reason = "PROFIT_ASSUMPTION_MISSING"

    def __init__(self, version_id: str, product_id: str) -> None:
        """Name the version that the assumptions were set for, and the product."""
        super().__init__(
            f"no price is set for product {product_id}", versionId=version_id, productId=product_id
        )
