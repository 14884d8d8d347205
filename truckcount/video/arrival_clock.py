"""Presentation times of a live stream to UTC, by when its frames arrive."""

US_PER_S = 1_000_000


class ArrivalClock:
    """Gives each frame of a connection the time it was most likely taken.

    A frame's delay is its arrival less its PTS. Networks only ever add to it, so
    the smallest delay met is the truest: jitter moves no time, and a frame that
    comes late keeps its place. Times are slewed to a smaller delay rather than
    stepped, so that they never run backwards.

    Parameters
    ----------
    max_late_us : int
        Frames later than this show that the stream has fallen behind for good, or
        that its clock has jumped.

    References
    ----------
    RFC 5905 section 10: the clock filter takes the sample of least delay.
    """

    MAX_SLEW = 0.1  # of the time between two frames

    def __init__(self, max_late_us: int = 5 * US_PER_S) -> None:
        self._max_late_us = max_late_us
        self._delay_us: int | None = None
        self._least_us = 0
        self._last: tuple[int, int] | None = None

    def place(self, pts_us: int, arrival_us: int) -> int | None:
        """Return the UTC of a frame, microseconds since 1970.

        Returns
        -------
        int or None
            None when the frame does not fit what came before: its PTS jumped, or
            it is too late. The connection must be given up and begun anew.
        """
        delay_us = arrival_us - pts_us
        if self._delay_us is None or self._last is None:
            self._delay_us = self._least_us = delay_us
        else:
            if abs(delay_us - self._least_us) > self._max_late_us:
                return None
            self._least_us = min(self._least_us, delay_us)
            step_us = max(pts_us - self._last[0], 0)
            wanted_us = self._delay_us - self._least_us
            self._delay_us -= min(wanted_us, round(self.MAX_SLEW * step_us))
        t_us = pts_us + self._delay_us
        if self._last is not None:
            t_us = max(t_us, self._last[1] + 1)
        self._last = (pts_us, t_us)
        return t_us
