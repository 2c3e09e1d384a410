"""A peer that refuses most calls is spared, and asked again as soon as it takes them."""

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


def test_a_peer_that_takes_half_is_asked_everything() -> None:
    peer = Peer(draw=0.0)

    sent = sum(peer.ask(1, takes=number % 2 == 0) for number in range(1_000))

    assert sent == 1_000


def test_a_peer_that_takes_nothing_is_soon_spared() -> None:
    assert Peer().ask(1_000, takes=False) < 10


def test_some_calls_always_go_through() -> None:
    assert Peer(draw=0.999).ask(500, takes=False) == 500


def test_a_peer_that_was_away_is_asked_at_once() -> None:
    peer = Peer(draw=0.0)

    assert sum(peer.throttle.admit() for _ in range(500)) == 500


def test_what_was_long_ago_is_forgotten() -> None:
    peer = Peer()
    peer.ask(1_000, takes=False)

    peer.at_s += HALF_LIFE_S * 12

    assert peer.ask(20, takes=True) == 20
