"""What contracts and the seal register refuse."""

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from chassis.money import UnitPrice, format_decimal


class ContractNotFound(NotFound):
    """No contract has this id."""

    reason = "CONTRACT_NOT_FOUND"

    def __init__(self, contract_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no contract {contract_id}", contractId=contract_id)


class ContractStateForbids(FailedPrecondition):
    """The contract's state does not allow the move."""

    reason = "CONTRACT_STATE_FORBIDS"

    def __init__(self, contract_id: str, state: str, to: str) -> None:
        """Name the contract and the move."""
        super().__init__(
            f"contract {contract_id} is {state} and cannot become {to}",
            contractId=contract_id,
            state=state,
            to=to,
        )


class ContractWithoutAttachment(FailedPrecondition):
    """The terms that are to be signed have no document in the archive."""

    reason = "CONTRACT_WITHOUT_ATTACHMENT"

    def __init__(self, contract_id: str, terms_version: int) -> None:
        """Name the contract and the version."""
        super().__init__(
            f"version {terms_version} of contract {contract_id} has no document",
            contractId=contract_id,
            termsVersion=terms_version,
        )


class ContractNeedsAnotherPerson(PermissionDenied):
    """Who wrote the terms cannot review them."""

    reason = "CONTRACT_NEEDS_ANOTHER_PERSON"

    def __init__(self, contract_id: str, subject: str) -> None:
        """Name the contract and the person."""
        super().__init__(
            f"{subject} wrote the terms of contract {contract_id} and cannot review them",
            contractId=contract_id,
            subject=subject,
        )


class ContractPriceNeedsApproval(FailedPrecondition):
    """A price is below the floor, and its override is not approved."""

    reason = "CONTRACT_PRICE_NEEDS_APPROVAL"

    def __init__(
        self,
        contract_id: str,
        product_id: str,
        *,
        price: UnitPrice,
        floor: UnitPrice,
        override_id: str,
    ) -> None:
        """Name the product, both prices and the override."""
        unit_price, floor_price = format_decimal(price.amount), format_decimal(floor.amount)
        super().__init__(
            f"{unit_price} for {product_id} in contract {contract_id} is below {floor_price}, and "
            f"price override {override_id} is not approved",
            contractId=contract_id,
            productId=product_id,
            unitPrice=unit_price,
            floorPrice=floor_price,
            overrideId=override_id,
        )


class ContractFilingUnfit(FailedPrecondition):
    """A group-uniform contract needs a confirmed filing of its customer."""

    reason = "CONTRACT_FILING_UNFIT"

    def __init__(self, filing_id: str, problem: str) -> None:
        """Name the filing and what speaks against it."""
        super().__init__(f"filing {filing_id} {problem}", filingId=filing_id, problem=problem)


class ContractOrderUnfit(FailedPrecondition):
    """The order cannot be put under the contract."""

    reason = "CONTRACT_ORDER_UNFIT"

    def __init__(self, contract_id: str, order_id: str, problem: str) -> None:
        """Name the contract, the order and what speaks against it."""
        super().__init__(
            f"order {order_id} {problem} and cannot be under contract {contract_id}",
            contractId=contract_id,
            orderId=order_id,
            problem=problem,
        )


class ContractTemplateNotFound(NotFound):
    """The product has no template."""

    reason = "CONTRACT_TEMPLATE_NOT_FOUND"

    def __init__(self, product_id: str) -> None:
        """Name the product."""
        super().__init__(f"product {product_id} has no contract template", productId=product_id)


class SealUseMissing(FailedPrecondition):
    """Nobody allowed the use of a seal on the terms that are to be signed."""

    reason = "SEAL_USE_MISSING"

    def __init__(self, contract_id: str, terms_version: int) -> None:
        """Name the contract and the version."""
        super().__init__(
            f"nobody allowed a seal on version {terms_version} of contract {contract_id}",
            contractId=contract_id,
            termsVersion=terms_version,
        )


class SealUseNotFound(NotFound):
    """No record of the register has this id."""

    reason = "SEAL_USE_NOT_FOUND"

    def __init__(self, seal_use_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no seal use {seal_use_id}", sealUseId=seal_use_id)


class SealUseStateForbids(FailedPrecondition):
    """The state of the seal use does not allow the move."""

    reason = "SEAL_USE_STATE_FORBIDS"

    def __init__(self, seal_use_id: str, state: str, to: str) -> None:
        """Name the record and the move."""
        super().__init__(
            f"seal use {seal_use_id} is {state} and cannot become {to}",
            sealUseId=seal_use_id,
            state=state,
            to=to,
        )


class SealUseNeedsAnotherPerson(PermissionDenied):
    """Who asked for a seal cannot allow its use."""

    reason = "SEAL_USE_NEEDS_ANOTHER_PERSON"

    def __init__(self, seal_use_id: str, subject: str) -> None:
        """Name the record and the person."""
        super().__init__(
            f"{subject} asked for seal use {seal_use_id} and cannot allow it",
            sealUseId=seal_use_id,
            subject=subject,
        )
