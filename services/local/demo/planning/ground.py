"""What planning stands on: areas and offices, and the products and channels that numbers have."""

from collections.abc import Mapping

from mantle.planning.v1 import cube_pb2, unit_pb2
from mantle.planning.v1 import unit_service_pb2 as unit_rpc

from local.demo.company import UNITS
from local.demo.desk import all_pages
from local.demo.narrator import ZONE
from local.demo.planning import figures
from local.demo.planning.fixture import CHANNELS, OFFICES, PRODUCTS
from local.demo.scene import Scene
from local.tokens import ROOT_UNIT_ID


def known_units(scene: Scene) -> set[str]:
    """Return the ids of all units."""
    support = scene.desk.person("business_support")
    return {one.unit_id for one in all_pages(support, unit_rpc.ListUnitsRequest(), "units")}


def found_region(scene: Scene, unit_id: str, name: str, *, offices: Mapping[str, str]) -> None:
    """Found a region with its offices, id to name, as far as they are not there."""
    known = known_units(scene)
    kinds = unit_pb2.OrgUnit
    wanted = [(unit_id, name, ROOT_UNIT_ID, kinds.KIND_REGION)]
    wanted += [(one, text, unit_id, kinds.KIND_OFFICE) for one, text in offices.items()]
    for code, text, parent, kind in wanted:
        if code not in known:
            scene.desk.person("business_support").ask(
                unit_rpc.CreateUnitRequest(
                    unit_id=code,
                    name=text,
                    kind=kind,
                    parent_unit_id=parent,
                    valid_from=scene.clock.today(ZONE).isoformat(),
                )
            )


def lay(scene: Scene) -> None:
    """Found both areas, and make products and channels known."""
    for area, name in UNITS.items():
        offices = {one: f"{name}, office {one[-1]}" for one, of in OFFICES.items() if of == area}
        found_region(scene, area, name, offices=offices)
    figures.know(scene.desk, cube_pb2.CUBE_MEMBER_AXIS_PRODUCT, dict(PRODUCTS))
    figures.know(scene.desk, cube_pb2.CUBE_MEMBER_AXIS_CHANNEL, dict(CHANNELS))
    figures.actual_version(scene.desk)
