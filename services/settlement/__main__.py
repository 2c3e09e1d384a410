"""Wire settlement together and serve it: `python -m settlement`."""

from pathlib import Path

from mantle.settlement.v1 import (
    award_service_pb2,
    bill_service_pb2,
    budget_limit_service_pb2,
    collection_service_pb2,
    commission_service_pb2,
    credit_service_pb2,
    expense_service_pb2,
    invoice_service_pb2,
    ledger_service_pb2,
    penalty_service_pb2,
    period_close_service_pb2,
    rebate_service_pb2,
    revenue_share_service_pb2,
)

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.policy.book import PolicyBook
from chassis.policy.subscriber import PolicySubscriber
from chassis.process.source import Definitions
from chassis.rpc.service import Service, each, service_named
from chassis.scope_subscriber import UnitSubscriber
from chassis.settings import Settings, read_settings
from settlement.award.servicer import AwardServicer
from settlement.award.subscriber import AwardSubscriber
from settlement.award.wire import FACTS as AWARD_FACTS
from settlement.bill.servicer import BillServicer
from settlement.budget_limit.servicer import BudgetLimitServicer
from settlement.budget_limit.subscriber import BudgetLimitSubscriber
from settlement.collection import usecases as collection
from settlement.collection.servicer import CollectionServicer
from settlement.collection.wire import FACTS as COLLECTION_FACTS
from settlement.commission import usecases as commission
from settlement.commission.servicer import CommissionServicer
from settlement.commission.subscriber import CommissionSubscriber, OpportunitySubscriber
from settlement.commission.wire import FACTS as COMMISSION_FACTS
from settlement.credit.servicer import CreditServicer
from settlement.credit.subscriber import CreditSubscriber
from settlement.credit.usecases import PAYMENT_TERMS
from settlement.credit.wire import FACTS as CREDIT_FACTS
from settlement.expense import usecases as expenses
from settlement.expense.domain import PROCESS as EXPENSE
from settlement.expense.keeping import KEEP_PERIOD_S, BudgetKeeper
from settlement.expense.peers import BudgetDesk
from settlement.expense.servicer import ExpenseServicer
from settlement.expense.subscriber import SuccessSubscriber
from settlement.expense.wire import FACTS as EXPENSE_FACTS
from settlement.goods_return.subscriber import GoodsReturnSubscriber
from settlement.ledger import sealing
from settlement.ledger.servicer import LedgerServicer
from settlement.ledger.wire import FACTS as LEDGER_FACTS
from settlement.penalty.servicer import PenaltyServicer
from settlement.penalty.subscriber import PenaltySubscriber
from settlement.penalty.wire import FACTS as PENALTY_FACTS
from settlement.period_close import closing
from settlement.period_close.servicer import PeriodCloseServicer
from settlement.period_close.wire import FACTS as PERIOD_FACTS
from settlement.policy_kinds import KINDS
from settlement.rebate import accruing as rebate_accruing
from settlement.rebate import settling as rebate_settling
from settlement.rebate.run import ACCRUAL_KIND, COMPUTE_KIND, PAY_KIND, SETTLE_KIND
from settlement.rebate.run import PROCESS as REBATE_RUN
from settlement.rebate.servicer import RebateServicer
from settlement.rebate.subscriber import RebateSubscriber
from settlement.rebate.wire import FACTS as REBATE_FACTS
from settlement.receivable.servicer import InvoiceServicer
from settlement.receivable.subscriber import ReceivableSubscriber
from settlement.receivable.wire import FACTS as RECEIVABLE_FACTS
from settlement.revenue_share.domain import PROCESS as REVENUE_SHARE
from settlement.revenue_share.servicer import RevenueShareServicer
from settlement.revenue_share.wire import FACTS as REVENUE_SHARE_FACTS

POLICIES = Path(__file__).parent / "policies"
PROCESSES = Path(__file__).parent / "processes"
CONFIRM_PERIOD_S = 1.0
OVERDUE_PERIOD_S = 2.0
SEAL_PERIOD_S = 5.0


def build(settings: Settings) -> Service:
    """Put the service together; nothing listens yet."""
    facts = {
        **LEDGER_FACTS,
        **PERIOD_FACTS,
        **CREDIT_FACTS,
        **RECEIVABLE_FACTS,
        **COLLECTION_FACTS,
        **COMMISSION_FACTS,
        **REBATE_FACTS,
        **AWARD_FACTS,
        **PENALTY_FACTS,
        **REVENUE_SHARE_FACTS,
        **EXPENSE_FACTS,
    }
    service = Service(settings, facts=facts)
    definitions = service.mount_processes(PROCESSES)
    _mount(service)
    _mount_rebate(service, definitions)
    _mount_books(service)
    _mount_shares(service, definitions)
    _mount_expense(service, definitions)
    book = PolicyBook({commission.KIND, PAYMENT_TERMS, collection.KIND})
    _mount_collection(service, book)
    service.mount_policies(KINDS, POLICIES, changed=book.expire)
    service.mount_runs(
        {
            closing.KIND: closing.steps(service.clock),
            commission.STATEMENTS: commission.steps(service.clock, zone=settings.time_zone),
            ACCRUAL_KIND: rebate_accruing.step_of(service.clock),
            COMPUTE_KIND: rebate_settling.compute_step(),
            SETTLE_KIND: rebate_settling.settle_step(service.clock),
            PAY_KIND: rebate_settling.pay_step(service.clock, zone=service.settings.time_zone),
        }
    )
    zone = settings.time_zone
    service.subscribe(
        "planning",
        each(
            [
                UnitSubscriber().handlers(),
                BudgetLimitSubscriber().handlers(),
                PolicySubscriber().handlers(),
            ]
        ),
    )
    service.subscribe(
        "channels",
        each(
            [
                CreditSubscriber(service.clock).handlers(),
                ReceivableSubscriber(zone=zone).handlers(),
                CommissionSubscriber(zone=zone, book=book).handlers(),
                GoodsReturnSubscriber(zone=zone).handlers(),
                AwardSubscriber(zone=zone).handlers(),
                PenaltySubscriber(zone=zone).handlers(),
                RebateSubscriber(service.clock, definition=definitions[REBATE_RUN]).handlers(),
            ]
        ),
    )
    service.subscribe(
        "crm",
        each(
            [
                OpportunitySubscriber(zone=zone).handlers(),
                SuccessSubscriber(zone=zone).handlers(),
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
        CreditServicer(door, clock, zone=zone),
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


def _mount_rebate(service: Service, definitions: Definitions) -> None:
    service.mount(
        service_named(rebate_service_pb2.DESCRIPTOR, "RebateService"),
        RebateServicer(
            service.door,
            service.clock,
            zone=service.settings.time_zone,
            definition=definitions[REBATE_RUN],
        ),
    )


def _mount_collection(service: Service, book: PolicyBook) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.mount(
        service_named(bill_service_pb2.DESCRIPTOR, "BillService"),
        BillServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(collection_service_pb2.DESCRIPTOR, "CollectionService"),
        CollectionServicer(door, clock, zone=zone),
    )
    service.schedule.every(
        "watch what is overdue",
        OVERDUE_PERIOD_S,
        lambda tx: collection.watch_overdue(tx, book=book, today=clock.today(zone)),
    )
    service.schedule.every(
        "remind of what is overdue",
        OVERDUE_PERIOD_S,
        lambda tx: collection.remind(tx, book=book, today=clock.today(zone)),
    )


def _mount_books(service: Service) -> None:
    clock = service.clock
    service.mount(
        service_named(period_close_service_pb2.DESCRIPTOR, "PeriodCloseService"),
        PeriodCloseServicer(service.door, clock, zone=service.settings.time_zone),
    )
    service.schedule.every(
        "seal the ledger", SEAL_PERIOD_S, lambda tx: sealing.seal_committed(tx, at=clock.now())
    )


def _mount_shares(service: Service, definitions: Definitions) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.mount(
        service_named(award_service_pb2.DESCRIPTOR, "AwardService"),
        AwardServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(penalty_service_pb2.DESCRIPTOR, "PenaltyService"), PenaltyServicer(door)
    )
    service.mount(
        service_named(revenue_share_service_pb2.DESCRIPTOR, "RevenueShareService"),
        RevenueShareServicer(door, clock, zone=zone, definition=definitions[REVENUE_SHARE]),
    )


def _mount_expense(service: Service, definitions: Definitions) -> None:
    budget = BudgetDesk(service.peers["planning"])
    service.mount(
        service_named(expense_service_pb2.DESCRIPTOR, "ExpenseService"),
        ExpenseServicer(
            service.door,
            service.clock,
            zone=service.settings.time_zone,
            definition=definitions[EXPENSE],
            budget=budget,
        ),
    )
    keeper = BudgetKeeper(service.back_door, budget)
    service.schedule.loop("keep budgets", KEEP_PERIOD_S, keeper.turn)
    service.count("mantle.expense.budgets_lost", expenses.count_lost, unit="{expense}")


def main() -> None:
    """Serve until asked to stop."""
    build(read_settings("settlement")).run()


if __name__ == "__main__":
    main()
