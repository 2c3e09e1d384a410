"""The expense catalogue: the groups and types of expenses, as policy `expense_catalogue` has them.

Pure. A type's code is its measure in the cube. Three groups are the tree's own and must be there;
everything else is the company's to name, so another industry has another catalogue and the same
code.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chassis.policy.parameters import Parameters, Shape, Value
from planning.cube.errors import MeasureUnknown
from planning.cube.measures import EXPENSE_CATALOGUE, measure
from planning.profit.errors import ExpenseTypeUnknown

KIND: Final = EXPENSE_CATALOGUE
EXPENSES: Final = "expenses"
DEPRECIATION: Final = "depreciation_amortisation"
SELLING: Final = "selling_expense"
_REQUIRED: Final[Mapping[str, str]] = {EXPENSES: "", DEPRECIATION: "", SELLING: EXPENSES}
_GROUP_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TYPE_CODE: Final = re.compile(r"expense_[a-z0-9_]{1,32}")
# Nodes of the tree that the catalogue cannot have.
_RESERVED: Final = frozenset({"sales", "cost", "profit", "contribution", "unlisted_expense"})

SHAPE: Final[Mapping[str, Shape]] = {
    "groups": [
        {
            "code": "text",
            "name_en": "text",
            "name_zh": "text",
            "parent": "text",
            "area?": "bool",
        }
    ],
    "types": [
        {
            "code": "text",
            "name_en": "text",
            "name_zh": "text",
            "group": "text",
            "plan": "text",
            "outside?": "bool",
            "posted_as?": "text",
        }
    ],
}


class Label(StrEnum):
    """Which plan an expense belongs to."""

    MARKET = "MARKET"
    SALES = "SALES"
    COMPANY = "COMPANY"


@dataclass(frozen=True, slots=True)
class Group:
    """Hold a group of expenses.

    Shape: `parent` is empty right below the profit. Areas answer for the expenses of an `area`
        group and of all groups below it; they alone lower the contribution.
    """

    code: str
    name_en: str
    name_zh: str
    parent: str
    area: bool = False


@dataclass(frozen=True, slots=True)
class ExpenseType:
    """Hold a type of expense, a leaf of the tree.

    Shape: `outside` is true for what is charged to the marketing centre from outside; `posted_as`
        is another measure under which settlement posts the same thing, empty without one.
    """

    code: str
    name_en: str
    name_zh: str
    group: str
    label: Label
    outside: bool = False
    posted_as: str = ""

    @property
    def measures(self) -> tuple[str, ...]:
        """Name the measures that sum to it."""
        return (self.code, self.posted_as) if self.posted_as else (self.code,)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Hold the groups, each behind its parent, and the types."""

    groups: tuple[Group, ...]
    types: tuple[ExpenseType, ...]

    @classmethod
    def of(cls, parameters: Parameters) -> "Catalogue":
        """Read the parameters of a policy that `problems` has nothing against."""
        return cls(
            groups=tuple(map(_group, parameters.records("groups"))),
            types=tuple(map(_type, parameters.records("types"))),
        )

    @property
    def measures(self) -> frozenset[str]:
        """Name all measures of its types."""
        return frozenset(code for one in self.types for code in one.measures)

    def require(self, codes: Iterable[str]) -> None:
        """Refuse a type that the catalogue does not have.

        Errors: ExpenseTypeUnknown.
        Source: R-021.
        """
        known = {one.code for one in self.types}
        for code in codes:
            if code not in known:
                raise ExpenseTypeUnknown(code)

    def below(self, group: str) -> frozenset[str]:
        """Name a group and all groups below it."""
        found = {group}
        for one in self.groups:
            if one.parent in found:
                found.add(one.code)
        return frozenset(found)

    @property
    def area_groups(self) -> frozenset[str]:
        """Name the groups that areas answer for."""
        return frozenset(code for one in self.groups if one.area for code in self.below(one.code))


def problems(parameters: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with a catalogue whose shape is right, one sentence for each place.

    Source: R-021, R-022: a type stands once, so it belongs to one plan, and one that is a selling
        expense belongs to the market plan or to the sales plan.
    """
    read = Parameters(parameters)
    groups = [_group(one) for one in read.records("groups")]
    found = list(_group_problems(groups))
    if found:
        return found
    return list(_type_problems(read.records("types"), groups))


def _group_problems(groups: list[Group]) -> Iterator[str]:
    before: dict[str, str] = {}
    for number, one in enumerate(groups):
        path = f"parameters.groups[{number}]"
        if not _GROUP_CODE.fullmatch(one.code) or one.code in _RESERVED:
            yield f"{path}.code {one.code} is not a code of a group"
        if one.code in before:
            yield f"{path}.code {one.code} is there already"
        if one.parent and one.parent not in before:
            yield f"{path}.parent {one.parent} does not stand before it"
        before[one.code] = one.parent
    for code, parent in _REQUIRED.items():
        if before.get(code) != parent:
            yield f"parameters.groups lacks {code} below {parent or 'the profit'}"
    roots = sorted(code for code, parent in before.items() if not parent)
    if roots != sorted((EXPENSES, DEPRECIATION)):
        yield "parameters.groups has other groups right below the profit"


def _type_problems(rows: list[Parameters], groups: list[Group]) -> Iterator[str]:
    known = {one.code for one in groups}
    selling = Catalogue(tuple(groups), ()).below(SELLING)
    plans: dict[str, str] = {}
    measures: set[str] = set()
    for number, row in enumerate(rows):
        path = f"parameters.types[{number}]"
        code, group, plan = row.text("code"), row.text("group"), row.text("plan")
        if not _TYPE_CODE.fullmatch(code):
            yield f"{path}.code {code} is not a code such as expense_experts"
        if code in plans:
            yield f"{path}.code {code} belongs to the {plans[code]} plan already"
        if group not in known:
            yield f"{path}.group {group} is not there"
        yield from _plan_problems(path, plan, is_selling=group in selling)
        plans[code] = plan
        posted = row.text("posted_as") if "posted_as" in row else code
        yield from _measure_problems(path, {code, posted}, measures)
        measures |= {code, posted}


def _plan_problems(path: str, plan: str, *, is_selling: bool) -> Iterator[str]:
    if plan not in set(map(str, Label)):
        yield f"{path}.plan {plan} is none of {', '.join(Label)}"
    elif is_selling == (plan == Label.COMPANY):
        wanted = "MARKET or SALES" if is_selling else "COMPANY"
        yield f"{path}.plan {plan} is not {wanted}, as its group wants"


def _measure_problems(path: str, wanted: Collection[str], taken: set[str]) -> Iterator[str]:
    for code in sorted(taken.intersection(wanted)):
        yield f"{path} counts {code}, which another type counts already"
    for code in wanted:
        try:
            measure(code)
        except MeasureUnknown as error:
            yield f"{path}.posted_as: {error}"


def _group(row: Parameters) -> Group:
    return Group(
        code=row.text("code"),
        name_en=row.text("name_en"),
        name_zh=row.text("name_zh"),
        parent=row.text("parent"),
        area="area" in row and row.truth("area"),
    )


def _type(row: Parameters) -> ExpenseType:
    return ExpenseType(
        code=row.text("code"),
        name_en=row.text("name_en"),
        name_zh=row.text("name_zh"),
        group=row.text("group"),
        label=Label(row.text("plan")),
        outside="outside" in row and row.truth("outside"),
        posted_as=row.text("posted_as") if "posted_as" in row else "",
    )
