"""What a selection refuses."""

from collections.abc import Sequence

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound


class SelectionNotFound(NotFound):
    """No selection has this id."""

    reason = "SELECTION_NOT_FOUND"

    def __init__(self, selection_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no selection {selection_id}", selectionId=selection_id)


class PlaceNotFound(NotFound):
    """The selection has no such place, or no candidate for it."""

    reason = "PLACE_NOT_FOUND"

    def __init__(self, selection_id: str, place: str) -> None:
        """Name the selection and the place."""
        super().__init__(
            f"selection {selection_id} has no place {place} with a candidate",
            selectionId=selection_id,
            place=place,
        )


class ProspectNotEligible(FailedPrecondition):
    """The prospect cannot be listed or take a place."""

    reason = "PROSPECT_NOT_ELIGIBLE"

    def __init__(self, partner_id: str, problem: str) -> None:
        """Name the prospect and what speaks against it."""
        super().__init__(f"prospect {partner_id} {problem}", partnerId=partner_id, problem=problem)


class ProspectsTooFew(FailedPrecondition):
    """A place of the plan has no prospect."""

    reason = "PROSPECTS_TOO_FEW"

    def __init__(self, place: str, area: str) -> None:
        """Name the place and its area."""
        super().__init__(
            f"place {place} has no prospect left in area {area}", place=place, area=area
        )


class FormIncomplete(FailedPrecondition):
    """The form lacks a document without which it cannot be submitted."""

    reason = "FORM_INCOMPLETE"

    def __init__(self, place: str, missing: Sequence[str]) -> None:
        """Name the place and the documents."""
        names = ", ".join(missing)
        super().__init__(f"the form of {place} lacks {names}", place=place, missing=names)


class FormNotFound(NotFound):
    """The place has no information form yet."""

    reason = "FORM_NOT_FOUND"

    def __init__(self, selection_id: str, place: str) -> None:
        """Name the selection and the place."""
        super().__init__(
            f"place {place} of selection {selection_id} has no form yet",
            selectionId=selection_id,
            place=place,
        )


class ReportWithoutFinancialData(InvalidArgument):
    """The evaluation report has no financial data item."""

    reason = "REPORT_WITHOUT_FINANCIAL_DATA"

    def __init__(self, place: str) -> None:
        """Name the place."""
        super().__init__(
            f"the report on {place} rests on no financial data, only on impressions", place=place
        )


class EvaluationNotFound(NotFound):
    """There is no such evaluation report."""

    reason = "EVALUATION_NOT_FOUND"

    def __init__(self, report_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no evaluation report {report_id}", reportId=report_id)


class DossierIncomplete(FailedPrecondition):
    """A check of the dossier is missing or was not passed."""

    reason = "DOSSIER_INCOMPLETE"

    def __init__(self, subject_id: str, missing: Sequence[str]) -> None:
        """Name whose dossier it is and the checks."""
        names = ", ".join(missing)
        super().__init__(
            f"the dossier of {subject_id} lacks {names}", subjectId=subject_id, missing=names
        )
