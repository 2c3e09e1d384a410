"""The profit tree: from sums of measures to sales, cost, expenses by the catalogue, and profit.

Pure. Trees add up: the tree of two areas together is the sum of both trees, node by node, because
every node is a sum of measures.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chassis.money import Money
from planning.profit.catalogue import DEPRECIATION, EXPENSES, Catalogue, Label
from planning.profit.domain import COST, SALES, VOLUME, Assumptions, percent

UNLISTED: Final = "unlisted_expense"


@dataclass(frozen=True, slots=True)
class Node:
    """Hold a node of the tree with its amount.

    Units: minor units.
    """

    code: str
    name_en: str
    name_zh: str
    parent: str
    amount: int
    label: Label | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Hold the sums of a tree.

    Units: minor units, and pieces for the volume.
    """

    volume: int = 0
    sales: int = 0
    cost: int = 0
    expenses: int = 0
    depreciation: int = 0
    area_expenses: int = 0

    @property
    def margin(self) -> int:
        """Take the cost off sales."""
        return self.sales - self.cost

    @property
    def profit(self) -> int:
        """Tell the pre-tax profit.

        Source: R-018.
        """
        return self.margin - self.expenses - self.depreciation

    @property
    def contribution(self) -> int:
        """Tell what is left when areas have paid what they answer for.

        Source: R-018.
        """
        return self.margin - self.area_expenses

    def __add__(self, other: "Figures") -> "Figures":
        """Sum two parts."""
        return Figures(
            volume=self.volume + other.volume,
            sales=self.sales + other.sales,
            cost=self.cost + other.cost,
            expenses=self.expenses + other.expenses,
            depreciation=self.depreciation + other.depreciation,
            area_expenses=self.area_expenses + other.area_expenses,
        )

    def __sub__(self, other: "Figures") -> "Figures":
        """Tell by how much one has more."""
        return Figures(
            volume=self.volume - other.volume,
            sales=self.sales - other.sales,
            cost=self.cost - other.cost,
            expenses=self.expenses - other.expenses,
            depreciation=self.depreciation - other.depreciation,
            area_expenses=self.area_expenses - other.area_expenses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitTree:
    """Hold a tree: its nodes, each behind the one above it, and its sums."""

    nodes: tuple[Node, ...]
    figures: Figures

    def amount(self, code: str) -> int:
        """Tell the amount of a node; 0 when there is none of this code."""
        return next((one.amount for one in self.nodes if one.code == code), 0)

    def of_plan(self, label: Label) -> int:
        """Sum the leaves of one plan.

        Source: R-022.
        """
        return sum(one.amount for one in self.nodes if one.label is label)

    @property
    def outside(self) -> int:
        """Sum what is charged to the marketing centre from outside.

        Source: R-299.
        """
        return sum(one.amount for one in self.nodes if one.outside)

    @property
    def profit_percent(self) -> str:
        """Tell the profit in percent of sales."""
        return percent(self.figures.profit, self.figures.sales)


def grow(catalogue: Catalogue, sums: Mapping[str, int]) -> ProfitTree:
    """Grow the tree from sums of measures.

    Shape: expenses that the catalogue does not have are one node of their own, so that none is
        lost; it is left out when there are none.
    Source: R-018, R-021.
    """
    leaves = {one.code: sum(sums.get(code, 0) for code in one.measures) for one in catalogue.types}
    unlisted = sum(
        value
        for code, value in sums.items()
        if code.startswith("expense") and code not in catalogue.measures
    )
    groups = _groups(catalogue, leaves, unlisted)
    area = catalogue.area_groups
    figures = Figures(
        volume=sums.get(VOLUME, 0),
        sales=sums.get(SALES, 0),
        cost=sums.get(COST, 0),
        expenses=groups[EXPENSES],
        depreciation=groups[DEPRECIATION],
        area_expenses=sum(leaves[one.code] for one in catalogue.types if one.group in area),
    )
    nodes = [
        Node(SALES, "Sales", "销售额", "", figures.sales),
        Node(COST, "Cost", "成本", "", figures.cost),
        *_nodes(catalogue, leaves, groups),
    ]
    if unlisted:
        nodes.append(Node(UNLISTED, "Not in the catalogue", "目录外费用", EXPENSES, unlisted))
    return ProfitTree(nodes=tuple(nodes), figures=figures)


def _groups(catalogue: Catalogue, leaves: Mapping[str, int], unlisted: int) -> dict[str, int]:
    """Sum the groups, from the lowest up."""
    found: defaultdict[str, int] = defaultdict(int)
    for one in catalogue.types:
        found[one.group] += leaves[one.code]
    found[EXPENSES] += unlisted
    # A group stands behind its parent, so backwards every group is complete when it is added.
    for group in reversed(catalogue.groups):
        found[group.parent] += found[group.code]
    return found


def _nodes(
    catalogue: Catalogue, leaves: Mapping[str, int], groups: Mapping[str, int]
) -> list[Node]:
    found = []
    for group in catalogue.groups:
        found.append(
            Node(group.code, group.name_en, group.name_zh, group.parent, groups[group.code])
        )
        found += [
            Node(
                one.code,
                one.name_en,
                one.name_zh,
                group.code,
                leaves[one.code],
                one.label,
                one.outside,
            )
            for one in catalogue.types
            if one.group == group.code
        ]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GrownTree:
    """Hold a tree with where it stands.

    Shape: `parts` by key, in order.
    """

    version_id: str
    version_name: str
    currency_code: str
    unit_id: str
    tree: ProfitTree
    parts: tuple[tuple[str, Figures], ...] = ()

    def money(self, amount_minor: int) -> Money:
        """Give an amount the currency of the version."""
        return Money(self.currency_code, amount_minor)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Hold what a what-if found."""

    before: GrownTree
    after: GrownTree
    assumptions: Assumptions

    @property
    def difference(self) -> Figures:
        """Tell what the branch has more."""
        return self.after.tree.figures - self.before.tree.figures
