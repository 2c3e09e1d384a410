"""Customers: imported row by row, and kept true."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from mantle.crm.v1 import customer_pb2, touchpoint_pb2
from mantle.crm.v1 import customer_service_pb2 as pb
from mantle.crm.v1 import touchpoint_service_pb2 as touchpoints

from tests.support import telecom
from tests.support.crm_world import Front, front
from tests.support.requirements import req
from tests.support.server import Refused

__all__ = ["front"]

PART = 500
ACTIVE = customer_pb2.Subscription.STATE_ACTIVE
CANCELLED = customer_pb2.Subscription.STATE_CANCELLED


def imported(front: Front, rows: list[pb.CustomerRow], **fields: str) -> pb.ImportCustomersResponse:
    request = pb.ImportCustomersRequest(
        import_id=fields.get("import_id", "i-1"), unit_id=fields.get("unit_id", "hq"), rows=rows
    )
    reply: pb.ImportCustomersResponse = front.world.call(request, role="customer_service")
    return reply


def a_row(number: int, **fields: object) -> pb.CustomerRow:
    fields.setdefault("customer_id", f"N{number}")
    fields.setdefault("display_name", "Li Wei")
    return pb.CustomerRow(row_number=number, **fields)  # type: ignore[arg-type]


def test_the_real_file_is_imported_whole(front: Front) -> None:
    rows = list(telecom.rows())

    for start in range(0, len(rows), PART):
        reply = imported(front, rows[start : start + PART])
        assert not reply.errors

    assert (reply.progress.rows_new, reply.progress.rows_rejected) == (7043, 0)
    [(customers, lost)] = front.world.rows(
        "crm", "SELECT count(*), count(*) FILTER (WHERE status = 'LOST') FROM customer"
    )
    assert (customers, lost) == (7043, 1869)
    first = front.world.call(pb.GetCustomerRequest(customer_id="C00001")).customer
    assert first.attributes["monthly_charges_minor"].integer == 2985
    assert [one.product_id for one in first.subscriptions] == ["BACKUP"]


@req("R-218")
def test_bad_rows_are_refused_by_number_and_the_others_are_taken(front: Front) -> None:
    imported(front, [a_row(number) for number in range(50)], import_id="before")
    rows = [a_row(number, tags=["BRANCH"]) for number in range(195)]
    rows += [
        a_row(195, customer_id="not an id"),
        a_row(196, display_name=""),
        a_row(197, phone="none"),
        a_row(198, kind="FRIEND"),
        a_row(199, attributes={"Bad": customer_pb2.AttributeValue(integer=1)}),
    ]

    reply = imported(front, rows)

    assert [one.row_number for one in reply.errors] == [195, 196, 197, 198, 199]
    progress = reply.progress
    assert (progress.rows_received, progress.rows_new, progress.rows_updated) == (200, 145, 50)
    stored = front.world.call(pb.GetImportRequest(import_id="i-1"), role="customer_service")
    assert (stored.progress, list(stored.errors)) == (progress, list(reply.errors))


def test_a_problem_never_repeats_a_personal_value(front: Front) -> None:
    reply = imported(front, [a_row(1, phone="secret-phone", display_name="S" * 101)])

    assert len(reply.errors) == 2
    assert not any("secret" in one.problem or "SSS" in one.problem for one in reply.errors)


def test_a_row_of_a_known_customer_changes_what_it_says_and_nothing_else(front: Front) -> None:
    customer_id = front.customer(phone="13800138000", tags=["OLD"], consents=["MESSAGE"])

    imported(front, [pb.CustomerRow(row_number=1, customer_id=customer_id, tags=["NEW"])])

    found = front.world.call(pb.GetCustomerRequest(customer_id=customer_id)).customer
    assert (found.display_name, found.phone) == ("Li Wei", "13800138000")
    assert list(found.tags) == ["NEW", "OLD"]
    assert list(found.consents) == [touchpoint_pb2.CONTACT_KIND_MESSAGE]


def test_a_customer_may_come_twice_in_one_part(front: Front) -> None:
    reply = imported(front, [a_row(1, tags=["A"]), a_row(2, customer_id="N1", tags=["B"])])

    assert (reply.progress.rows_new, reply.progress.rows_updated) == (1, 1)
    found = front.world.call(pb.GetCustomerRequest(customer_id="N1")).customer
    assert (list(found.tags), found.version) == (["A", "B"], 2)


@req("R-183")
def test_a_branch_imports_into_its_own_part_of_the_company_only(front: Front) -> None:
    front.unit("hq/r1/")
    front.unit("hq/r2/")
    front.customer("OTHER", unit_id="r2")
    rows = [a_row(1), a_row(2, unit_id="r2"), a_row(3, customer_id="OTHER")]
    request = pb.ImportCustomersRequest(import_id="r1", unit_id="r1", rows=rows)

    reply = front.world.call(request, role="customer_service", unit_id="r1")

    assert [(one.row_number, one.field) for one in reply.errors] == [(2, "unit_id"), (3, "unit_id")]
    with pytest.raises(Refused, match="OUT_OF_SCOPE"):
        front.world.call(request, role="customer_service", unit_id="r2")


def test_an_import_belongs_to_one_unit(front: Front) -> None:
    front.unit("hq/r1/")
    imported(front, [a_row(1)])

    with pytest.raises(Refused, match="IMPORT_OF_OTHER_UNIT") as refused:
        imported(front, [a_row(2)], unit_id="r1")

    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_an_import_that_nobody_began_is_not_found(front: Front) -> None:
    with pytest.raises(Refused, match="IMPORT_NOT_FOUND"):
        front.world.call(pb.GetImportRequest(import_id="none"), role="customer_service")


def test_tags_changed_at_once_are_all_kept(front: Front) -> None:
    customer_id = front.customer()
    gate = threading.Barrier(8)

    def add(number: int) -> None:
        gate.wait()
        front.world.call(pb.ChangeTagsRequest(customer_id=customer_id, add=[f"T{number}"]))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(8)))

    found = front.world.call(pb.GetCustomerRequest(customer_id=customer_id)).customer
    assert list(found.tags) == [f"T{number}" for number in range(8)]


def test_a_customer_has_two_hundred_tags_at_most(front: Front) -> None:
    customer_id = front.customer()
    for start in range(0, 200, 50):
        names = [f"T{number}" for number in range(start, start + 50)]
        front.world.call(pb.ChangeTagsRequest(customer_id=customer_id, add=names))

    with pytest.raises(Refused, match="CUSTOMER_FULL"):
        front.world.call(pb.ChangeTagsRequest(customer_id=customer_id, add=["ONE_MORE"]))


def test_consent_is_given_and_taken_back(front: Front) -> None:
    customer_id = front.customer()
    request = pb.SetConsentRequest(
        customer_id=customer_id, contact_kind=touchpoint_pb2.CONTACT_KIND_MESSAGE, granted=True
    )
    given = front.world.call(request).customer
    request.granted = False

    taken = front.world.call(request).customer

    assert (list(given.consents), list(taken.consents)) == ([3], [])


def test_a_subscription_moves_only_along_the_table(front: Front) -> None:
    customer_id = front.customer()
    request = pb.RecordSubscriptionRequest(
        customer_id=customer_id, product_id="P1", state=CANCELLED
    )

    with pytest.raises(Refused, match="SUBSCRIPTION_STATE_FORBIDS"):
        front.world.call(request)

    request.state = ACTIVE
    [kept] = front.world.call(request).customer.subscriptions
    assert (kept.product_id, kept.state) == ("P1", ACTIVE)


def test_scores_of_other_products_stay(front: Front) -> None:
    customer_id = front.customer()
    for product_id, propensity in (("P1", "0.42"), ("P2", "1"), ("P1", "0.000001")):
        score = pb.NewScore(product_id=product_id, propensity=propensity)
        reply = front.world.call(pb.SetScoresRequest(customer_id=customer_id, scores=[score]))

    scores = [(one.product_id, one.propensity) for one in reply.customer.scores]
    assert scores == [("P1", "0.000001"), ("P2", "1")]


@pytest.mark.parametrize(
    "request_",
    [
        pb.ChangeTagsRequest(customer_id="nobody", add=["T"]),
        pb.SetConsentRequest(customer_id="nobody", contact_kind=1),  # type: ignore[arg-type]
        pb.RecordSubscriptionRequest(customer_id="nobody", product_id="P1", state=ACTIVE),
        pb.SetScoresRequest(
            customer_id="nobody", scores=[pb.NewScore(product_id="P1", propensity="1")]
        ),
        pb.GetCustomerRequest(customer_id="nobody"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_customer_that_nobody_knows_is_not_found(front: Front, request_: object) -> None:
    with pytest.raises(Refused, match="CUSTOMER_NOT_FOUND") as refused:
        front.world.call(request_)  # type: ignore[arg-type]

    assert refused.value.code is grpc.StatusCode.NOT_FOUND


@req("R-183")
def test_customers_of_other_units_are_neither_seen_nor_changed(front: Front) -> None:
    front.unit("hq/r1/")
    front.unit("hq/r2/")
    front.customer("ONE", unit_id="r1")
    own = front.customer("TWO", unit_id="r2")

    listed = front.world.call(
        pb.ListCustomersRequest(), role="customer_service", unit_id="r2"
    ).customers

    assert [one.customer_id for one in listed] == [own]
    for request in (
        pb.GetCustomerRequest(customer_id="ONE"),
        pb.ChangeTagsRequest(customer_id="ONE", add=["T"]),
    ):
        with pytest.raises(Refused, match="OUT_OF_SCOPE"):
            front.world.call(request, role="customer_service", unit_id="r2")


def test_customers_are_listed_by_tag_and_kind_in_pages(front: Front) -> None:
    imported(front, [a_row(number, tags=["T"] if number % 2 else []) for number in range(9)])
    imported(front, [a_row(9, tags=["T"], kind="DEALER")])
    request = pb.ListCustomersRequest(
        tag="T", kind=customer_pb2.Customer.KIND_END, page_size=3, unit_id="hq"
    )

    first = front.world.call(request)
    request.page_token = first.next_page_token
    rest = front.world.call(request)

    names = [one.customer_id for one in [*first.customers, *rest.customers]]
    assert names == ["N1", "N3", "N5", "N7"]
    request.tag = "OTHER"
    with pytest.raises(Refused, match="PAGE_TOKEN_INVALID"):
        front.world.call(request)


def test_a_touchpoint_can_be_renamed_and_switched_off(front: Front) -> None:
    front.world.call(
        touchpoints.ChangeTouchpointRequest(touchpoint_id="mms", active=False, name="Picture"),
        role="customer_service",
    )

    found = front.world.call(
        touchpoints.GetTouchpointRequest(touchpoint_id="mms"), role="front_line"
    ).touchpoint

    assert (found.active, found.name, found.name_zh, found.version) == (False, "Picture", "彩信", 2)


@pytest.mark.parametrize(
    "request_",
    [
        touchpoints.GetTouchpointRequest(touchpoint_id="none"),
        touchpoints.ChangeTouchpointRequest(touchpoint_id="none"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_touchpoint_that_is_not_registered_is_not_found(front: Front, request_: object) -> None:
    with pytest.raises(Refused, match="TOUCHPOINT_NOT_FOUND"):
        front.world.call(request_, role="customer_service")  # type: ignore[arg-type]


def test_outbound_touchpoints_can_be_listed_alone(front: Front) -> None:
    request = touchpoints.ListTouchpointsRequest(
        direction=touchpoint_pb2.Touchpoint.DIRECTION_OUTBOUND
    )

    listed = front.world.call(request, role="front_line").touchpoints

    names = [one.touchpoint_id for one in listed]
    assert names == ["app-push", "email", "mms", "outbound-call", "sms", "visit"]
