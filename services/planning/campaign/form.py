"""The form that the planning of the next campaign starts from."""

from dataclasses import dataclass

from planning.budget.domain import BudgetLine
from planning.campaign.domain import Campaign


@dataclass(frozen=True, slots=True)
class PlanningForm:
    """Hold what the planning of the next campaign of a segment starts from."""

    lessons: tuple[Campaign, ...]
    lines: tuple[BudgetLine, ...]
    product_ids: tuple[str, ...]
