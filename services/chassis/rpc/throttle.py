"""Not asking a peer that refuses most of what it is asked.

A refusal costs the peer nearly as much as an answer, so load has to be shed by the one who asks.
The chance to ask at all falls as the peer takes fewer of the calls: with `requests` asked and
`accepts` taken in the last half minute or so, a call is kept back with the chance
`(requests - 2 * accepts) / (requests + 1)`. While the peer takes half of them nobody is kept back,
and some calls always go through, so recovery is seen at once.
"""

import threading
import time
from collections.abc import Callable
from random import random

FACTOR = 2.0
HALF_LIFE_S = 10.0


class Throttle:
    """Decide for one peer whether a call is worth sending.

    Units: counts are halved every 10 s.
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
        self._requests *= left
        self._accepts *= left
        self._aged_s = now_s
