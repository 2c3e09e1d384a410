"""Why the cube refuses."""

from collections.abc import Sequence

from chassis.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation
from planning.cube.domain import VALUE_MAX, Address, Axis, Pin


class CubeVersionNotFound(NotFound):
    """No version of the cube has this id."""

    reason = "CUBE_VERSION_NOT_FOUND"

    def __init__(self, version_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no version {version_id}", versionId=version_id)


class CubeVersionNameTaken(AlreadyExists):
    """A version with this name is there already."""

    reason = "CUBE_VERSION_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"there is a version {name} already", name=name)


class CubeVersionFrozen(FailedPrecondition):
    """The version is frozen and never changes again."""

    reason = "CUBE_VERSION_FROZEN"

    def __init__(self, version_id: str, name: str) -> None:
        """Name the version."""
        super().__init__(f"version {name} is frozen", versionId=version_id, name=name)


class CubeVersionOwned(FailedPrecondition):
    """The version belongs to a process, whose steps alone change it."""

    reason = "CUBE_VERSION_OWNED"

    def __init__(self, version_id: str, name: str, owner: str) -> None:
        """Name the version and whose it is."""
        super().__init__(
            f"version {name} is changed by the steps of {owner or 'nobody'} alone",
            versionId=version_id,
            name=name,
            owner=owner,
        )


class CubeVersionActual(FailedPrecondition):
    """The version holds what really came, which nobody writes by hand."""

    reason = "CUBE_VERSION_ACTUAL"

    def __init__(self, version_id: str, name: str) -> None:
        """Name the version."""
        super().__init__(
            f"version {name} holds what came: it is imported or posted, not written",
            versionId=version_id,
            name=name,
        )


class MeasureUnknown(InvalidArgument):
    """The list of measures does not have this one."""

    reason = "MEASURE_UNKNOWN"

    def __init__(self, measure: str) -> None:
        """Name it."""
        super().__init__(f"there is no measure {measure}", measure=measure)


class CubeMemberUnknown(FailedPrecondition):
    """A product or a channel is not known to planning."""

    reason = "CUBE_MEMBER_UNKNOWN"

    def __init__(self, axis: Axis, code: str) -> None:
        """Name the axis and the code."""
        super().__init__(f"no {axis.lower()} {code} is known", axis=axis, code=code)


class CellValueInvalid(InvalidArgument):
    """A cell would hold more than a cell can."""

    reason = "CELL_VALUE_INVALID"

    def __init__(self, value: int) -> None:
        """Name the value and the bound."""
        super().__init__(f"a cell cannot hold {value}", value=value, maximum=VALUE_MAX)


class CellDoubled(InvalidArgument):
    """A request names one cell twice."""

    reason = "CELL_DOUBLED"

    def __init__(self, measure: str, address: Address) -> None:
        """Name the cell."""
        super().__init__(
            f"{measure} of {spelled(address)} is named twice",
            measure=measure,
            address=spelled(address),
        )


class PartsNotBalanced(FailedPrecondition):
    """The parts would not sum to the total that is fixed for them."""

    reason = "PARTS_NOT_BALANCED"

    def __init__(self, pin: Pin, found: int) -> None:
        """Name the total, the sum and the difference."""
        super().__init__(
            f"{pin.measure} of {pin.unit_id} must sum to {pin.total}, not {found}",
            measure=pin.measure,
            unitId=pin.unit_id,
            total=pin.total,
            sum=found,
            difference=found - pin.total,
        )


class HeldExceedsTotal(FailedPrecondition):
    """What is held is more than the total, so nothing is left for the others."""

    reason = "HELD_EXCEEDS_TOTAL"

    def __init__(self, held: int, total: int) -> None:
        """Name both."""
        super().__init__(f"{held} is held of {total}", held=held, total=total)


class SpreadOutside(InvalidArgument):
    """A spread would reach cells outside the selection whose total it sets."""

    reason = "SPREAD_OUTSIDE_SELECTION"

    def __init__(self) -> None:
        """Say so."""
        super().__init__("the spread reaches cells outside its selection")


class CubeTooLarge(FailedPrecondition):
    """The answer or the change has more cells than one request may have."""

    reason = "CUBE_TOO_LARGE"

    def __init__(self, found: int, maximum: int) -> None:
        """Name both numbers."""
        super().__init__(f"{found} is more than {maximum}", found=found, maximum=maximum)


class CellsCsvInvalid(InvalidArgument):
    """Rows of an import are wrong; nothing of it was taken."""

    reason = "CELLS_CSV_INVALID"

    def __init__(self, violations: Sequence[Violation], wrong: int) -> None:
        """List the first of them."""
        super().__init__(
            f"{wrong} rows are wrong, first {violations[0].field}: {violations[0].message}",
            violations=violations,
            rows=wrong,
        )


def spelled(address: Address) -> str:
    """Write an address for people."""
    parts = (address.unit_id, address.product_id, address.channel, address.terminal_id)
    return "/".join((*parts, str(address.month)))
