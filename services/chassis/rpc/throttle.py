"""Not asking a peer that refuses most of what it is asked.

A refusal costs the peer up to a third of an answer, so load has to be shed by the one who asks.
The chance to ask at all falls as the peer takes fewer of the calls: with `requests` asked and
`accepts` taken lately, a call is kept back with the chance
`(requests - 2 * accepts) / (requests + 1)`. While the peer takes more than half of them nobody is
kept back, and some calls always go through.

Lately is short, because a call that is kept back counts as refused: a long memory goes on refusing
when the peer has long had room again. With counts halved every 10 s a peer that had been asked five
times too much for half a minute was spared for as long again; with the last ten asks, or a
second or so, it is asked as before after about a second.
"""

import threading
import time
from collections.abc import Callable
from random import random

FACTOR = 2.0
HALF_LIFE_S = 1.0
REMEMBERED_MAX = 10


class Throttle:
    """Decide for one peer whether a call is worth sending.

    Units: counts are halved every second, and cut down in proportion to 10 asks.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random,
    ) -> None:
        """Start with a peer that takes everything."""
        self._now_s = now_s
        self._draw = draw
        self._lock = threading.Lock()
        self._requests = 0.0
        self._accepts = 0.0
        self._aged_s = now_s()

    def admit(self) -> bool:
        """Tell whether to make a call; one that is kept back counts as refused."""
        with self._lock:
            self._age()
            kept_back = (self._requests - FACTOR * self._accepts) / (self._requests + 1)
            admitted = self._draw() >= kept_back
            self._requests += not admitted
        return admitted

    def accepted(self) -> None:
        """Count a call that the peer took, whatever it answered."""
        with self._lock:
            self._requests += 1
            self._accepts += 1

    def refused(self) -> None:
        """Count a call that the peer had no place for.

        Shape: a peer that does not answer at all is not counted: asking costs it nothing, and it
            must be found at once when it is back.
        """
        with self._lock:
            self._requests += 1

    def _age(self) -> None:
        now_s = self._now_s()
        left = 0.5 ** ((now_s - self._aged_s) / HALF_LIFE_S)
        left = min(left, REMEMBERED_MAX / max(self._requests, REMEMBERED_MAX))
        self._requests *= left
        self._accepts *= left
        self._aged_s = now_s
