"""Wire settlement together and serve it: `python -m settlement`."""

from pathlib import Path

from mantle.settlement.v1 import (
    budget_limit_service_pb2,
    commission_service_pb2,
    credit_service_pb2,
    invoice_service_pb2,
    ledger_service_pb2,
)

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.policy.book import PolicyBook
from chassis.rpc.service import Service, each, service_named
from chassis.scope_subscriber import UnitSubscriber
from chassis.settings import Settings, read_settings
from settlement.budget_limit.servicer import BudgetLimitServicer
from settlement.budget_limit.subscriber import BudgetLimitSubscriber
from settlement.commission import usecases as commission
from settlement.commission.servicer import CommissionServicer
from settlement.commission.subscriber import CommissionSubscriber
from settlement.commission.wire import FACTS as COMMISSION_FACTS
from settlement.credit.servicer import CreditServicer
from settlement.credit.subscriber import CreditSubscriber
from settlement.credit.wire import FACTS as CREDIT_FACTS
from settlement.ledger.servicer import LedgerServicer
from settlement.ledger.wire import FACTS as LEDGER_FACTS
from settlement.policy_kinds import KINDS
from settlement.receivable.servicer import InvoiceServicer
from settlement.receivable.subscriber import ReceivableSubscriber
from settlement.receivable.wire import FACTS as RECEIVABLE_FACTS

POLICIES = Path(__file__).parent / "policies"
CONFIRM_PERIOD_S = 1.0


def build(settings: Settings) -> Service:
    """Put the service together; nothing listens yet."""
    facts = {**LEDGER_FACTS, **CREDIT_FACTS, **RECEIVABLE_FACTS, **COMMISSION_FACTS}
    service = Service(settings, facts=facts)
    _mount(service)
    book = PolicyBook({commission.KIND})
    service.mount_policies(KINDS, POLICIES, changed=book.expire)
    service.mount_runs({})
    zone = settings.time_zone
    service.subscribe(
        "planning", each([UnitSubscriber().handlers(), BudgetLimitSubscriber().handlers()])
    )
    service.subscribe(
        "channels",
        each(
            [
                CreditSubscriber(service.clock).handlers(),
                ReceivableSubscriber(zone=zone).handlers(),
                CommissionSubscriber(zone=zone, book=book).handlers(),
            ]
        ),
    )

    def confirm(tx: Transaction) -> Outcome[bool]:
        return commission.confirm_due(tx, today=service.clock.today(zone), at=service.clock.now())

    service.schedule.every("confirm commission", CONFIRM_PERIOD_S, confirm)
    return service


def _mount(service: Service) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.mount(
        service_named(ledger_service_pb2.DESCRIPTOR, "LedgerService"),
        LedgerServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(credit_service_pb2.DESCRIPTOR, "CreditService"),
        CreditServicer(door, clock),
    )
    service.mount(
        service_named(invoice_service_pb2.DESCRIPTOR, "InvoiceService"),
        InvoiceServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(commission_service_pb2.DESCRIPTOR, "CommissionService"),
        CommissionServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(budget_limit_service_pb2.DESCRIPTOR, "BudgetLimitService"),
        BudgetLimitServicer(door),
    )


def main() -> None:
    """Serve until asked to stop."""
    build(read_settings("settlement")).run()


if __name__ == "__main__":
    main()
