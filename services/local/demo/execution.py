"""The campaign is live: touches by day, peace by night, a pause, and a campaign that is stopped."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mantle.crm.v1 import decision_pb2, outreach_service_pb2
from mantle.planning.v1 import campaign_service_pb2

from local.demo import audience, campaign, offers, touches
from local.demo.campaign import Money
from local.demo.desk import all_pages, until
from local.demo.narrator import ZONE
from local.demo.scene import Scene
from local.demo.source import Known
from local.demo.touches import Touch, Visit

FIRST_ROUND_SHARE: Final = 0.7
LATE: Final = 22
FLASH_MINOR: Final = 100_000
FLASH_TOUCHES: Final = 5
DEFERRED: Final = decision_pb2.Decision.OUTCOME_DEFERRED
OUTBOUND: Final = ("sms", "outbound-call", "app-push")


@dataclass(slots=True)
class Live:
    """Hold what the execution showed.

    Units: seconds.
    """

    visits: list[Visit] = field(default_factory=list)
    touching_s: float = 0.0
    start_s: float = 0.0
    pause_s: float = 0.0
    stop_s: float = 0.0
    withdrawn: int = 0
    withdraw_s: float = 0.0


class Probes:
    """Touch with one customer of the reserve after another, to see what is offered now."""

    def __init__(self, scene: Scene, run: str, *, purpose: str) -> None:
        """Take the customers who were kept for this."""
        self._scene = scene
        self._prefix = f"{run}-{purpose}"
        self._reserve = audience.reserve(scene, run)
        self._places = {one.touchpoint_id: one for one in audience.list_touchpoints(scene)}
        self._used = 0

    def touch(self, touchpoint_id: str = "hotline", *, agrees: str = "") -> Touch:
        """Return the touch of the next customer; with `agrees`, of one who allows that contact."""
        while agrees and agrees not in self._next().consents:
            self._used += 1
        customer = self._next()
        self._used += 1
        key = f"{self._prefix}-{self._used}"
        return Touch(key=key, customer=customer, touchpoint=self._places[touchpoint_id])

    def is_offered(self, campaign_id: str) -> bool:
        """Tell whether the next customer is offered something of the campaign."""
        seen = Visit(self.touch())
        with self._scene.desk.begin("touch", customer_id=seen.touch.customer.customer_id):
            touches.decide(self._scene, seen)
        return any(one.campaign_id == campaign_id for one in seen.decision.offers)

    def _next(self) -> Known:
        return self._reserve[self._used % len(self._reserve)]


def start(scene: Scene, campaign_id: str, probes: Probes) -> float:
    """Start a campaign and return the seconds until its first offer."""
    return _measured(
        scene,
        campaign_service_pb2.StartCampaignRequest(campaign_id=campaign_id),
        lambda: probes.is_offered(campaign_id),
        what="the first offer of a started campaign",
    )


def play(scene: Scene, campaign_id: str, drawn: Sequence[Touch], *, probes: Probes) -> Live:
    """Start, and play the touches in two rounds, with a night and a pause between them."""
    live = Live(start_s=start(scene, campaign_id, probes))
    scene.narrator.tell(
        f"Started; first offer to a customer after {live.start_s * 1000:.0f} ms",
        "answers of customers are simulated from here on, with a fixed seed",
    )
    first = int(len(drawn) * FIRST_ROUND_SHARE)
    _round(scene, drawn[:first], live)
    _night(scene, probes)
    _pause(scene, campaign_id, probes=probes, live=live)
    _round(scene, drawn[first:], live)
    return live


def play_flash(scene: Scene, *, run: str, money: Money, live: Live) -> Any:
    """Let a small campaign go live and stop it at once; return it as it was stopped."""
    now = scene.clock.now()
    plan = offers.flash_campaign(now, budget_minor=FLASH_MINOR)
    probes = Probes(scene, run, purpose="flash")
    with scene.desk.begin("campaign"):
        campaign_id = campaign.create(scene, plan).campaign_id
        campaign.allocate(scene, campaign_id, Money(money.lines, {"a1": FLASH_MINOR}))
        campaign.submit_and_sign(scene, campaign_id)
        campaign.approve(scene, campaign_id)
        start(scene, campaign_id, probes)
        made = sum(probes.is_offered(campaign_id) for _ in range(FLASH_TOUCHES))
        live.withdrawn = 1 + made
        begin_s = time.monotonic()
        live.stop_s = _measured(
            scene,
            campaign_service_pb2.StopCampaignRequest(
                campaign_id=campaign_id, reason="the wording promised too much"
            ),
            lambda: not probes.is_offered(campaign_id),
            what="the last offer of a stopped campaign",
        )
        until(lambda: not _open_offers(scene, campaign_id), "withdrawal of the open offers")
        live.withdraw_s = time.monotonic() - begin_s
    return campaign_id


def _open_offers(scene: Scene, campaign_id: str) -> Sequence[Any]:
    asked = outreach_service_pb2.ListOpportunitiesRequest(campaign_id=campaign_id)
    return all_pages(scene.desk.person("customer_service"), asked, "opportunities")


def _round(scene: Scene, drawn: Sequence[Touch], live: Live) -> None:
    visits, seconds = touches.play(scene, drawn)
    live.visits += visits
    live.touching_s += seconds
    scene.narrator.tell(f"{len(live.visits):,} touches", f"{len(visits) / seconds:.0f} a second")


def _night(scene: Scene, probes: Probes) -> None:
    tonight = datetime.combine(scene.clock.today(ZONE), datetime.min.time(), ZONE)
    scene.move_to(tonight.replace(hour=LATE, minute=15))
    kinds = ("MESSAGE", "OUTBOUND_CALL", "MESSAGE")
    seen = [
        Visit(probes.touch(touchpoint_id, agrees=kind))
        for touchpoint_id, kind in zip(OUTBOUND, kinds, strict=True)
    ]
    for one in seen:
        with scene.desk.begin("touch", customer_id=one.touch.customer.customer_id):
            touches.decide(scene, one)
    deferred = [one for one in seen if one.decision.outcome == DEFERRED]
    morning = min((one.decision.deferred_until.ToDatetime(ZONE) for one in deferred), default=None)
    put_off = f"{len(deferred)} put off to {morning:%H:%M}" if morning else "none put off"
    scene.narrator.tell(
        f"22:15, {len(seen)} calls and messages due: {put_off}",
        "nobody is disturbed from 21:00 to 08:00",
    )
    scene.sleep_until_morning()


def _pause(scene: Scene, campaign_id: str, *, probes: Probes, live: Live) -> None:
    live.pause_s = _measured(
        scene,
        campaign_service_pb2.PauseCampaignRequest(campaign_id=campaign_id),
        lambda: not probes.is_offered(campaign_id),
        what="the last offer of a paused campaign",
    )
    resumed_s = _measured(
        scene,
        campaign_service_pb2.ResumeCampaignRequest(campaign_id=campaign_id),
        lambda: probes.is_offered(campaign_id),
        what="the first offer of a resumed campaign",
    )
    scene.narrator.tell(
        f"Paused: no offer {live.pause_s * 1000:.0f} ms after PauseCampaign; "
        f"again {resumed_s * 1000:.0f} ms after Resume"
    )


def _measured(scene: Scene, request: Any, holds: Callable[[], bool], *, what: str) -> float:
    begin_s = time.monotonic()
    campaign.act(scene, request)
    until(holds, what)
    return time.monotonic() - begin_s
