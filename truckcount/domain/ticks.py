"""The absolute grid of ticks on which samples are taken."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt

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

    def ticks_of(self, t_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the ticks of many moments."""
        # whole cycles and rest apart: t_us x 30000 (of 30000/1001) overflows int64
        cycle_us = self._fps.denominator * US_PER_S
        cycles, rest_us = np.divmod(t_us, cycle_us)
        ticks = cycles * self._fps.numerator + rest_us * self._fps.numerator // cycle_us
        return np.asarray(ticks, np.int64)

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
