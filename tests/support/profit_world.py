"""The fixture F1 in the cube: volumes, prices and expenses of FY2026, and what is asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from mantle.planning.v1 import cube_pb2, profit_pb2
from mantle.planning.v1 import cube_service_pb2 as cubes
from mantle.planning.v1 import profit_service_pb2 as pb
from mantle.type.v1 import money_pb2

from chassis.allocation import split
from chassis.ids import new_id
from chassis.period import Month
from planning.cube import usecases as cube
from planning.cube.domain import Act, Address, Cell
from tests.support.examples_planning import a_unit, a_version
from tests.support.monthly_desk import PLANNER, quietly
from tests.support.server import ROOT_UNIT, World
from tests.support.year_plan import EXPENSES, MARKET, PRODUCTS, VOLUMES, price

AREAS = ("A1", "A2")
MONTHS = [f"2026-{number:02}" for number in range(1, 13)]
# F1: expenses of the headquarters, in yuan.
HQ = {
    "expense_sales_hq": 120_000,
    "expense_administrative": 200_000,
    "expense_financial": 30_000,
    "expense_depreciation": 50_000,
    "expense_long_term_deferred": 20_000,
}
COMMISSION = "expense_sales_commission"
WHOLE = pb.GetProfitTreeRequest.SPLIT_UNSPECIFIED


def year_cells(
    measure: str, unit_id: str, product_id: str, figure: int, *, months: list[str] | None = None
) -> list[cube_pb2.CubeCell]:
    """Spread a figure of the year evenly over its months."""
    over = MONTHS if months is None else months
    return [
        cube_pb2.CubeCell(
            measure=measure,
            address=cube_pb2.CubeAddress(unit_id=unit_id, product_id=product_id, month=month),
            value=share,
        )
        for month, share in zip(over, split(figure, [1] * len(over)), strict=True)
    ]


def layers(
    product_id: str, list_price: str, unit_cost: str, *, channel: str = "", allowance: str = "0.05"
) -> profit_pb2.PriceAssumption:
    """Return an assumption with F1's channel factor."""
    return profit_pb2.PriceAssumption(
        product_id=product_id,
        channel=channel,
        list_price=price(list_price),
        channel_factor="0.90",
        allowance_share=allowance,
        unit_cost=price(unit_cost),
    )


def f1_prices() -> list[profit_pb2.PriceAssumption]:
    """Return F1's prices."""
    return [layers("P1", "10.00", "3.00"), layers("P2", "25.00", "8.00")]


def f1_assumptions(version_id: str) -> pb.SetAssumptionsRequest:
    """Return the request that sets F1's assumptions."""
    return pb.SetAssumptionsRequest(
        version_id=version_id,
        prices=f1_prices(),
        sales_shares=[profit_pb2.SalesShare(expense_type=COMMISSION, share="0.03")],
    )


def f1_cells() -> list[cube_pb2.CubeCell]:
    """Return F1 without what is computed: volumes, and expenses that do not follow sales."""
    cells = []
    for area, volumes, expenses in zip(AREAS, VOLUMES, EXPENSES, strict=True):
        for product_id, volume in volumes.items():
            cells += year_cells("volume", area, product_id, volume)
        for code, amount in expenses.items():
            if code != COMMISSION:
                cells += year_cells(code, area, "", amount * 100)
    for product_id, lines in MARKET.items():
        for code, amount in lines.items():
            cells += year_cells(code, ROOT_UNIT, product_id, amount * 100)
    for code, amount in HQ.items():
        cells += year_cells(code, ROOT_UNIT, "", amount * 100)
    return cells


def know_products(world: World, *codes: str) -> None:
    """Make products known."""
    request = cubes.DefineMembersRequest(
        axis=cube_pb2.CUBE_MEMBER_AXIS_PRODUCT,
        members=[cube_pb2.CubeMember(code=code, name=code) for code in codes],
    )
    world.call(request, role="planning")


def write(world: World, version_id: str, cells: list[cube_pb2.CubeCell]) -> None:
    """Set cells."""
    world.call(cubes.WriteCellsRequest(version_id=version_id, cells=cells), role="planning")


def bring(world: World, version_id: str, cells: list[cube_pb2.CubeCell]) -> None:
    """Let figures come into the version of what came, as an import does."""
    came = [
        Cell(
            one.measure,
            Address(
                one.address.unit_id,
                one.address.product_id,
                one.address.channel,
                one.address.terminal_id,
                Month.parse(one.address.month),
            ),
            one.value,
        )
        for one in cells
    ]
    at = world.clock.now()
    quietly(world, lambda tx: cube.write(tx, version_id, came, by=PLANNER, at=at, act=Act.IMPORT))


def an_actual_version(world: World) -> str:
    """Begin the version of what came, as the first posting would."""
    request = cubes.CreateVersionRequest(
        name="ACTUAL",
        kind=cube_pb2.CubeVersion.KIND_ACTUAL,
        unit_id=ROOT_UNIT,
        currency_code="CNY",
    )
    return str(world.call(request, role="planning").version.version_id)


@dataclass(slots=True)
class Books:
    """Hold a running planning service with F1 in a version."""

    world: World
    version_id: str

    def tree(
        self,
        unit_id: str = ROOT_UNIT,
        *,
        version_id: str = "",
        products: tuple[str, ...] = (),
        months: tuple[str, str] = ("2026-01", "2026-12"),
        split_by: pb.GetProfitTreeRequest.Split.ValueType = WHOLE,
        role: str = "finance",
        of: str = ROOT_UNIT,
    ) -> profit_pb2.ProfitTree:
        """Return a profit tree, as somebody of a unit."""
        request = pb.GetProfitTreeRequest(
            version_id=version_id or self.version_id,
            unit_id=unit_id,
            product_ids=products,
            first_month=months[0],
            last_month=months[1],
            split=split_by,
        )
        found: profit_pb2.ProfitTree = self.world.call(request, role=role, unit_id=of).tree
        return found

    def nodes(self, unit_id: str = ROOT_UNIT) -> Mapping[str, profit_pb2.ProfitNode]:
        """Return the nodes of a tree by code."""
        return {one.code: one for one in self.tree(unit_id).nodes}

    def compute(self) -> int:
        """Compute the amounts, and tell how many cells changed."""
        request = pb.ComputeProfitRequest(version_id=self.version_id)
        return int(self.world.call(request, role="finance").changed_cells)


def f1_books(world: World) -> Books:
    """Found the areas, enter F1 and compute it."""
    for area in AREAS:
        a_unit(world, area, valid_from="2025-01-01")
    know_products(world, *PRODUCTS)
    version_id = a_version(world, f"FY2026 {new_id()}")
    write(world, version_id, f1_cells())
    world.call(f1_assumptions(version_id), role="finance")
    books = Books(world, version_id)
    books.compute()
    return books


def yuan_of(amount: money_pb2.Money) -> str:
    """Write an amount in yuan with its cents."""
    sign = "-" if amount.amount_minor < 0 else ""
    whole, rest = divmod(abs(amount.amount_minor), 100)
    return f"{sign}{whole}.{rest:02}"
