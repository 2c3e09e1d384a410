"""Which measures there are: the list, and every type that the expense catalogue has or had."""

from collections.abc import Collection

from chassis.database import Transaction
from chassis.policy import usecases as policy
from chassis.policy.domain import WHOLE_COMPANY, State
from planning.cube.errors import MeasureUnknown
from planning.cube.measures import EXPENSE_CATALOGUE, MEASURES, Measure, Nature, Unit, measure


def all_measures(tx: Transaction) -> dict[str, Measure]:
    """Return all measures by code.

    Shape: a type stays a measure when a later version of the catalogue does not have it any more,
        because numbers may stand under it.
    Source: R-021.
    """
    found = dict(MEASURES)
    for version in policy.versions(tx, kind=EXPENSE_CATALOGUE, scope=WHOLE_COMPANY):
        if version.state is not State.APPROVED:
            continue
        for one in version.parameters.records("types"):
            code = one.text("code")
            named = Measure(code, one.text("name_en"), one.text("name_zh"), Unit.MONEY, Nature.FLOW)
            found.setdefault(code, named)
    return found


def require_measures(tx: Transaction, codes: Collection[str]) -> None:
    """Refuse to keep numbers of what is no measure.

    Errors: MeasureUnknown.
    """
    unlisted = {measure(code).code for code in codes} - MEASURES.keys()
    if not unlisted:
        return
    known = all_measures(tx)
    for code in sorted(unlisted):
        if code not in known:
            raise MeasureUnknown(code)
