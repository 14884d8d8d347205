"""Frame times to samples on the absolute grid of ticks."""

from fractions import Fraction

from truckcount.errors import CountingError

US_PER_S = 1_000_000


class TickSampler:
    """Chooses the first frame of each tick: tick = floor(t_us x fps / 1e6).

    The grid is absolute, so any cut of a day into files gives the same samples.

    Parameters
    ----------
    sample_fps : float or Fraction
        Samples per second.
    """

    def __init__(self, sample_fps: float | Fraction) -> None:
        fps = Fraction(sample_fps).limit_denominator(100_000)
        if fps <= 0:
            msg = f"sample_fps must be above 0, got {sample_fps}"
            raise CountingError(msg)
        self._fps = fps
        self._last_tick: int | None = None

    def tick_of(self, t_us: int) -> int:
        """Return the tick that a moment falls into."""
        return t_us * self._fps.numerator // (self._fps.denominator * US_PER_S)

    def tick_start_us(self, tick: int) -> int:
        """Return the first microsecond of a tick."""
        numerator = tick * self._fps.denominator * US_PER_S
        return -(-numerator // self._fps.numerator)

    def take(self, t_us: int) -> int | None:
        """Return the tick if this frame is its sample, else None.

        Frames must come in presentation order.
        """
        tick = self.tick_of(t_us)
        if self._last_tick is not None and tick <= self._last_tick:
            return None
        self._last_tick = tick
        return tick


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
                self._frame_us = step
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
