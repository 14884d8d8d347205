"""A score over time to intervals of presence."""

from dataclasses import astuple, dataclass
from typing import Any

from truckcount.counting.options import CountingOptions


@dataclass(frozen=True, slots=True)
class Presence:
    """One interval in which a truck was present, microseconds UTC."""

    onset_us: int
    offset_us: int
    peak: float
    mean: float
    n_samples: int
    is_onset_censored: bool
    is_offset_censored: bool
    segment_onset: str
    segment_offset: str


@dataclass(slots=True)
class _Open:
    """A presence that has not ended yet."""

    onset_us: int
    last_us: int
    peak: float
    total: float
    n: int
    is_censored: bool
    segment_onset: str
    segment_last: str


class Debouncer:
    """Turns scores into presence with hysteresis, sample by sample.

    On at ``on_score``, off below ``off_score``; shorter than ``min_on_s`` is
    dropped, a dip of up to ``fill_s`` is filled; a gap in coverage ends it.

    References
    ----------
    Gelly and Gauvain, Minimum word error training of RNN-based voice activity
    detection (the onset/offset/min-duration scheme of pyannote's ``Binarize``).
    """

    def __init__(self, options: CountingOptions) -> None:
        self._options = options
        self._open: _Open | None = None
        self._last_us: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether quiet samples would change nothing."""
        return self._open is None

    @property
    def since_us(self) -> int | None:
        """When the presence began that has not ended yet."""
        return None if self._open is None else self._open.onset_us

    def to_state(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold."""
        return {
            "open": None if self._open is None else astuple(self._open),
            "last_us": self._last_us,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what ``to_state`` returned."""
        self._open = None if state["open"] is None else _Open(*state["open"])
        self._last_us = state["last_us"]

    def process(self, t_us: int, score: float, segment: str) -> list[Presence]:
        """Take one usable sample; return presences that it ends."""
        done: list[Presence] = []
        is_gap = (
            self._last_us is None or t_us - self._last_us > self._options.seam_s * 1e6
        )
        if is_gap:
            done = self._close(is_censored=True)
        self._last_us = t_us
        now = self._open
        if now is not None:
            if score >= self._options.off_score:
                now.last_us, now.segment_last = t_us, segment
                now.peak, now.total = max(now.peak, score), now.total + score
                now.n += 1
            elif t_us - now.last_us > self._options.fill_s * 1e6:
                done = self._close(is_censored=False)
        if self._open is None and score >= self._options.on_score:
            self._open = _Open(t_us, t_us, score, score, 1, is_gap, segment, segment)
        return done

    def skip_to(self, t_us: int) -> None:
        """Note that quiet samples were seen up to here."""
        self._last_us = t_us

    def finish(self) -> list[Presence]:
        """End what is open, as at the end of coverage."""
        return self._close(is_censored=True)

    def _close(self, *, is_censored: bool) -> list[Presence]:
        now, self._open = self._open, None
        if now is None or now.last_us - now.onset_us < self._options.min_on_s * 1e6:
            return []
        return [
            Presence(
                onset_us=now.onset_us,
                offset_us=now.last_us,
                peak=now.peak,
                mean=now.total / now.n,
                n_samples=now.n,
                is_onset_censored=now.is_censored,
                is_offset_censored=is_censored,
                segment_onset=now.segment_onset,
                segment_offset=now.segment_last,
            )
        ]
