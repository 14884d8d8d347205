"""Presentation times of a live stream to UTC: sender reports, else arrival."""

from collections import deque
from statistics import median_high

US_PER_S = 1_000_000


class ArrivalClock:
    """Gives each frame of a connection the time it was most likely taken.

    A frame's delay is its arrival less its PTS. Networks only ever add to it, so
    the smallest delay met is the truest: jitter moves no time, and a frame that
    comes late keeps its place. A camera that tells its own time is believed where
    that can be true. Times are slewed to a better delay rather than stepped, so
    that they never run backwards.

    Parameters
    ----------
    max_late_us : int
        Frames later than this show that the stream has fallen behind for good, or
        that its clock has jumped.
    max_error_us : int
        A camera whose own time is further from ours is set wrong.

    References
    ----------
    RFC 5905 section 10: the clock filter takes the sample of least delay.
    RFC 3550 section 6.4.1: the sender report's NTP timestamp.
    """

    MAX_SLEW = 0.1  # of the time between two frames
    LISTEN_US = 500_000  # what a connection begins with comes in a burst
    STEADY_US = 100_000  # jitter of a good network; of a bad one, half of it

    def __init__(
        self, max_late_us: int = 5 * US_PER_S, max_error_us: int = 10 * US_PER_S
    ) -> None:
        self._max_late_us = max_late_us
        self._max_error_us = max_error_us
        self._delay_us: int | None = None
        self._least_us: int | None = None
        self._sent_us: int | None = None
        self._last: tuple[int, int] | None = None
        self._began_us: int | None = None
        self._recent: deque[tuple[int, int]] = deque()
        self.sender_error_us: int | None = None
        """How far the camera's own time is off, where it was told and not believed."""

    @property
    def is_sender_time(self) -> bool:
        """Whether times are the camera's own."""
        return self._sent_us is not None

    @property
    def is_settled(self) -> bool:
        """Whether frames that are placed now will keep their place.

        A stream that falls behind from its first packet on was already late when it
        came: how much is told only once it has caught up. Until then, what arrives
        within half a second is mostly later than the least delay met.
        """
        if self._began_us is None or self._least_us is None:
            return False
        if self._recent[-1][0] - self._began_us < self.LISTEN_US:
            return False
        usual_us = median_high(delay_us for _, delay_us in self._recent)
        return self.is_sender_time or usual_us - self._least_us <= self.STEADY_US

    def hear(self, pts_us: int, arrival_us: int, sent_us: int | None = None) -> bool:
        """Take note of a packet before its frame is placed.

        Parameters
        ----------
        sent_us : int, optional
            When the camera says that it was taken, microseconds since 1970.

        Returns
        -------
        bool
            False when the packet does not fit what came before: its PTS jumped, or
            it is too late. The connection must be given up and begun anew.
        """
        delay_us = arrival_us - pts_us
        least_us = delay_us if self._least_us is None else self._least_us
        if abs(delay_us - least_us) > self._max_late_us:
            return False
        self._least_us = min(least_us, delay_us)
        self._remember(arrival_us, delay_us)
        if sent_us is not None:
            error_us = sent_us - pts_us - self._least_us
            is_believed = abs(error_us) <= self._max_error_us
            self._sent_us = sent_us - pts_us if is_believed else None
            self.sender_error_us = None if is_believed else error_us
        return True

    def learn_delay(self, delay_us: int) -> None:
        """Take a delay that no packet showed; the least is the truest."""
        if self._least_us is not None:
            self._least_us = min(self._least_us, delay_us)

    def place(self, pts_us: int) -> int:
        """Return the UTC of a frame, microseconds since 1970.

        Its packet, or an earlier one, was heard.
        """
        best_us = self._least_us if self._sent_us is None else self._sent_us
        if best_us is None:
            msg = "a frame cannot be placed before a packet was heard"
            raise ValueError(msg)
        if self._delay_us is None or self._last is None:
            self._delay_us = best_us
        else:
            limit_us = round(self.MAX_SLEW * max(pts_us - self._last[0], 0))
            step_us = best_us - self._delay_us
            self._delay_us += max(-limit_us, min(step_us, limit_us))
        t_us = pts_us + self._delay_us
        if self._last is not None:
            t_us = max(t_us, self._last[1] + 1)
        self._last = (pts_us, t_us)
        return t_us

    def _remember(self, arrival_us: int, delay_us: int) -> None:
        if self._began_us is None:
            self._began_us = arrival_us
        self._recent.append((arrival_us, delay_us))
        while self._recent[0][0] < arrival_us - self.LISTEN_US:
            self._recent.popleft()
