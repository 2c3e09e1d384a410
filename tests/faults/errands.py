"""What clients do beside orders: spend a budget, sign a contract, pick goods and fetch them.

Each errand leaves its mark in a field of what it makes, by which the checker finds it again.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from mantle.channels.v1 import contract_service_pb2 as contracts
from mantle.channels.v1 import group_filing_service_pb2 as filings
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import shipment_service_pb2 as shipments
from mantle.channels.v1.contract_pb2 import Contract
from mantle.settlement.v1 import expense_service_pb2 as expenses
from mantle.settlement.v1 import invoice_pb2
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.faults.company import CARD, Company
from tests.faults.evidence import NOT_YET
from tests.support import expense_desk
from tests.support.examples_channels_contract import DAYS, SHA, line, measure_of
from tests.support.server import ROOT_UNIT

ROLES = {
    "RequestExpense": "regional_manager",
    "ApproveExpense": "sales_director",
    "RejectExpense": "sales_director",
    "SpendExpense": "finance",
    "WithdrawExpense": "finance",
    "PayExpense": "finance",
    "EvaluateExpense": "sales_director",
    "CloseExpense": "finance",
    "RecordPickup": "logistics",
    "PickShipment": "logistics",
    "CancelShipment": "logistics",
    "DispatchShipment": "logistics",
    "DeliverShipment": "logistics",
    "FileClient": "channel_manager",
    "ConfirmFiling": "group_uniform",
    "RecordMeasuring": "group_uniform",
    "CreateContract": "sales_administration",
    "AddContractAttachment": "sales_administration",
    "ReviewContract": "group_uniform",
    "RequestSealUse": "sales_administration",
    "ApproveSealUse": "sales_director",
    "SignContract": "sales_director",
    "AddContractOrder": "sales_administration",
    "CompleteContract": "sales_administration",
    "TerminateContract": "sales_director",
}
# Beyond it a second person has to approve.
OWN_AUTHORITY_MINOR = 1_000_000
DEAREST_MINOR = 1_300_000
# Planning confirms a reservation within a second; a dead peer takes longer.
SPENDING_TRIES = 30
INVOICE_TRIES = 20
PRICE = "10.00"


class Asker(Protocol):
    """Describe a client: its dice, what it asks, and what it heard last."""

    dice: Random

    def ask(self, request: Any, **asked: object) -> Any:
        """Send a request until it has a definite answer; return the answer, None without one."""

    def found(self, request: Any, role: str) -> Any:
        """Read something; None while nobody answers."""

    def pause(self) -> None:
        """Wait a moment."""

    @property
    def reason(self) -> str:
        """Return why the last request was refused, or an empty text."""


@dataclass(frozen=True, slots=True)
class Errands:
    """Do what one client does beside its orders.

    Shape: `withdrawing` is the share of expenses that are given up, 0 to 1.
    """

    client: Asker
    company: Company
    withdrawing: float

    def spend(self, mark: str) -> None:
        """Ask for an expense, and spend, pay, judge and close it, or give it up."""
        dice, ask = self.client.dice, self.client.ask
        minor = dice.randint(1_000, DEAREST_MINOR)
        line_id = dice.choice(self.company.expense_lines)
        request = expense_desk.request_of(line_id, minor, purpose=mark)
        asked = ask(request, purpose=mark, amount_minor=minor)
        if asked is None:
            return
        expense = asked.expense
        own = {"expense_id": expense.expense_id}
        if minor > OWN_AUTHORITY_MINOR:
            if dice.random() < 0.3:
                ask(expenses.RejectExpenseRequest(**own, note="not this year"), **own)
                return
            ask(expenses.ApproveExpenseRequest(**own), **own)
        if dice.random() < self.withdrawing:
            ask(expenses.WithdrawExpenseRequest(**own, note="the fair is cancelled"), **own)
            return
        if not self._spent(own, dice.randint(1, minor)):
            return
        for step in (
            expenses.PayExpenseRequest(**own),
            expense_desk.evaluation_of(expense),
            expenses.CloseExpenseRequest(**own),
        ):
            ask(step, **own)

    def _spent(self, own: dict[str, str], minor: int) -> bool:
        """Spend a part, as soon as planning has confirmed the budget."""
        for _ in range(SPENDING_TRIES):
            request = expenses.SpendExpenseRequest(**own, amount=expense_desk.cny(minor))
            if self.client.ask(request, **own, amount_minor=minor) is not None:
                return True
            if self.client.reason != NOT_YET:
                return False
            self.client.pause()
        return False

    def sign(self, mark: str, order: order_pb2.Order | None) -> None:
        """Propose, review, seal and sign a contract, and carry it out with an order."""
        dice, ask = self.client.dice, self.client.ask
        filing_id = self._filed(mark) if dice.random() < 0.5 else ""
        created = ask(self._proposal(mark, order, filing_id), title=mark)
        if created is None:
            return
        own = {"contract_id": created.contract.contract_id}
        for step in (
            contracts.AddContractAttachmentRequest(**own, name="scan", reference="a/7", sha256=SHA),
            contracts.ReviewContractRequest(**own, passed=True, opinion="looked at it"),
        ):
            ask(step, **own)
        seal = ask(contracts.RequestSealUseRequest(**own, seal="seal", purpose="sign"), **own)
        if seal is None:
            return
        seal_use_id = seal.seal_use.seal_use_id
        ask(contracts.ApproveSealUseRequest(seal_use_id=seal_use_id), seal_use_id=seal_use_id)
        if ask(contracts.SignContractRequest(**own), **own) is None:
            return
        if order is not None and order.lines:
            ask(contracts.AddContractOrderRequest(**own, order_id=order.order_id), **own)
        ends = [
            contracts.CompleteContractRequest(**own),
            contracts.TerminateContractRequest(**own, reason="no more"),
        ]
        ask(dice.choice(ends), **own)

    def _filed(self, mark: str) -> str:
        """File a client of one's own, who is measured as a whole."""
        file = filings.FileClientRequest(unit_id=ROOT_UNIT, client_id=mark, project="uniforms")
        filed = self.client.ask(file, client_id=mark)
        if filed is None:
            return ""
        filing_id: str = filed.filing.filing_id
        confirm = filings.ConfirmFilingRequest(filing_id=filing_id)
        if self.client.ask(confirm, filing_id=filing_id) is None:
            return ""
        self.client.ask(measure_of(filing_id, 5, M=5), filing_id=filing_id)
        return filing_id

    def _proposal(
        self, mark: str, order: order_pb2.Order | None, filing_id: str
    ) -> contracts.CreateContractRequest:
        ordered = [one.priced for one in order.lines] if order is not None else []
        lines = [line(one.product_id, one.quantity, PRICE) for one in ordered]
        return contracts.CreateContractRequest(
            kind=Contract.KIND_GROUP_UNIFORM if filing_id else Contract.KIND_SALES,
            partner_id=order.partner_id if ordered and order is not None else "WIDE-1",
            customer_id=mark,
            title=mark,
            filing_id=filing_id,
            lines=lines or [line(CARD, 5, PRICE)],
            **DAYS,
        )

    def pick(self, mark: str, order: order_pb2.Order) -> bool:
        """Take an order out of the warehouse in shipments; True when all of it was delivered."""
        dice, ask = self.client.dice, self.client.ask
        for number, lines in enumerate(self._parts(order)):
            shipment_id = self._picked(f"{mark}/{number}", order, lines)
            if shipment_id and dice.random() < 0.2:
                cancel = shipments.CancelShipmentRequest(shipment_id=shipment_id)
                if ask(cancel, shipment_id=shipment_id) is None:
                    return False
                shipment_id = self._picked(f"{mark}/{number} again", order, lines)
            own = {"shipment_id": shipment_id}
            send = shipments.DispatchShipmentRequest(**own)
            if not shipment_id or ask(send, **own) is None:
                return False
            if ask(shipments.DeliverShipmentRequest(**own, proof="slip"), **own) is None:
                return False
        return True

    def _parts(self, order: order_pb2.Order) -> list[list[shipments.PickLine]]:
        """Split an order in two now and then, at a piece of its first line."""
        sold = [one.priced for one in order.lines]
        whole = [shipments.PickLine(product_id=o.product_id, quantity=o.quantity) for o in sold]
        if sold[0].quantity == 1 or self.client.dice.random() < 0.5:
            return [whole]
        first = self.client.dice.randint(1, sold[0].quantity - 1)
        begun = shipments.PickLine(product_id=sold[0].product_id, quantity=first)
        whole[0].quantity -= first
        return [[begun], whole]

    def _picked(self, tag: str, order: order_pb2.Order, lines: list[shipments.PickLine]) -> str:
        request = shipments.PickShipmentRequest(order_id=order.order_id, lines=lines, carrier=tag)
        reply = self.client.ask(request, carrier=tag)
        return "" if reply is None else str(reply.shipment.shipment_id)

    def fetch(self, mark: str, order_id: str) -> None:
        """Fetch the goods of an order's invoice in two turns, and once more, which is too much."""
        invoice = self._invoiced(order_id)
        if invoice is None:
            return
        sold = invoice.lines[0]
        first = self.client.dice.randint(1, sold.quantity)
        for number, quantity in enumerate((first, sold.quantity - first, 1)):
            if quantity:
                slip = f"{mark}/{number}"
                lines = [invoice_pb2.PickupLine(product_id=sold.product_id, quantity=quantity)]
                request = invoices.RecordPickupRequest(
                    invoice_id=invoice.invoice_id, lines=lines, slip=slip
                )
                self.client.ask(request, slip=slip)

    def _invoiced(self, order_id: str) -> invoice_pb2.Invoice | None:
        """Return the invoice of an order once settlement has heard of its delivery."""
        for _ in range(INVOICE_TRIES):
            listed = self.client.found(invoices.ListInvoicesRequest(order_id=order_id), "finance")
            if listed is None:
                return None
            if listed.invoices:
                invoice: invoice_pb2.Invoice = listed.invoices[0]
                return invoice
            self.client.pause()
        return None
