"""Presentation times to strictly increasing times of one camera."""

US_PER_S = 1_000_000


class FrameClock:
    """Presentation times to strictly increasing UTC times.

    A PTS that jumps back or stands still (a recorder that restarts its clock
    inside one file) is re-anchored one frame after the last, so that nothing is
    counted twice and no time is invented beyond one frame.

    Parameters
    ----------
    start_us : int
        UTC of the first frame, microseconds since 1970-01-01.
    """

    MAX_LEAP_US = 24 * 3600 * US_PER_S  # no recorder pauses a file for a day
    MIN_JUMP_US = US_PER_S  # a smaller step back is a frame out of order
    MAX_STUCK = 50  # frames; then the clock itself has gone back or stopped

    def __init__(self, start_us: int, frame_us: int = 40_000) -> None:
        self._start_us = start_us
        self._frame_us = frame_us
        self._shift_us = 0
        self._last_us: int | None = None
        self._n_stuck = 0
        self.n_jumps = 0
        self.longest_leap_us = 0
        """Longest step ahead without a frame: a pause, or a clock that was changed."""
        self.is_thinned = False
        """Frames are left out: a step may be longer than a frame, whose length
        stays what it was (too long an end would overlap the next file)."""

    def place(self, pts_us: int) -> int | None:
        """Return the microseconds from the video's start of a frame.

        Parameters
        ----------
        pts_us : int
            PTS less that of the start; frames come in presentation order.

        Returns
        -------
        int or None
            None for a frame out of order, which has no time of its own.
        """
        elapsed = pts_us + self._shift_us
        if self._last_us is not None:
            step = elapsed - self._last_us
            if -self.MIN_JUMP_US < step <= 0 and self._n_stuck < self.MAX_STUCK:
                self._n_stuck += 1
                return None
            if step <= 0 or step > self.MAX_LEAP_US:
                self.n_jumps += 1
                elapsed = self._last_us + self._frame_us
                self._shift_us = elapsed - pts_us
            elif step < US_PER_S:
                self._frame_us = min(step, self._frame_us) if self.is_thinned else step
            else:
                self.longest_leap_us = max(self.longest_leap_us, step)
        self._n_stuck = 0
        self._last_us = elapsed
        return elapsed

    @property
    def start_us(self) -> int:
        """UTC of the first frame."""
        return self._start_us

    @property
    def elapsed_us(self) -> int:
        """Microseconds from the video's start to the end of the last frame."""
        return 0 if self._last_us is None else self._last_us + self._frame_us
