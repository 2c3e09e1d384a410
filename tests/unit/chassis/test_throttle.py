"""A peer that refuses most calls is spared, and asked again as soon as it takes them."""

from random import Random

import pytest

from chassis.rpc.throttle import HALF_LIFE_S, Throttle


class Peer:
    """Take or refuse calls, at one instant that the test moves."""

    def __init__(self, *, draw: float = 0.5) -> None:
        self.at_s = 0.0
        self.throttle = Throttle(now_s=lambda: self.at_s, draw=lambda: draw)

    def ask(self, times: int, *, takes: bool) -> int:
        """Ask so often, and return how many calls were sent."""
        sent = 0
        for _ in range(times):
            if self.throttle.admit():
                sent += 1
                self.throttle.accepted() if takes else self.throttle.refused()
        return sent


def test_a_peer_that_takes_everything_is_asked_everything() -> None:
    assert Peer(draw=0.0).ask(1_000, takes=True) == 1_000


def test_a_peer_that_takes_more_than_half_is_asked_everything() -> None:
    peer = Peer(draw=0.0)

    sent = sum(peer.ask(1, takes=number % 5 < 3) for number in range(1_000))

    assert sent == 1_000


def test_a_peer_that_takes_nothing_is_soon_spared() -> None:
    assert Peer().ask(1_000, takes=False) < 10


def test_some_calls_always_go_through() -> None:
    assert Peer(draw=0.999).ask(500, takes=False) == 500


def test_a_peer_that_was_away_is_asked_at_once() -> None:
    peer = Peer(draw=0.0)

    assert sum(peer.throttle.admit() for _ in range(500)) == 500


def test_a_peer_that_is_asked_five_times_too_much_is_sent_about_twice_what_it_takes() -> None:
    peer = Peer()
    peer.throttle = Throttle(now_s=lambda: peer.at_s, draw=Random(7).random)
    sent = taken = 0

    for number in range(10_000):
        peer.at_s = number * 0.002
        room = peer.at_s >= taken * 0.01
        was_sent = peer.ask(1, takes=room)
        sent += was_sent
        taken += room and was_sent

    assert taken > 0.85 * 2_000
    assert 1.5 < sent / taken < 2.5


@pytest.mark.parametrize("asks_a_second", [20, 100, 1_000])
def test_a_peer_that_has_room_again_is_asked_everything_within_some_thirty_asks(
    asks_a_second: int,
) -> None:
    random = Random(7)
    peer = Peer()
    peer.throttle = Throttle(now_s=lambda: peer.at_s, draw=random.random)

    def ask(times: int, *, taken: float) -> int:
        sent = 0
        for _ in range(times):
            peer.at_s += 1 / asks_a_second
            sent += peer.ask(1, takes=random.random() < taken)
        return sent

    spared = 1 - ask(30 * asks_a_second, taken=0.25) / (30 * asks_a_second)
    ask(60, taken=1.0)

    assert spared > 0.3
    assert ask(200, taken=1.0) == 200


def test_what_was_long_ago_is_forgotten() -> None:
    peer = Peer()
    peer.ask(1_000, takes=False)

    peer.at_s += HALF_LIFE_S * 12

    assert peer.ask(20, takes=True) == 20
