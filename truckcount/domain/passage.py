"""A passage: one truck's stay in one gate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One truck's stay in one gate, [onset, offset), with what it was judged by."""

    gate: str
    onset_us: int
    """Microseconds since 1970-01-01 UTC of the first sample inside the gate."""
    offset_us: int | None
    """End of the stay; None while the truck is still inside."""
    direction: str
    """``in``, ``out`` or ``unknown`` of a directional gate, ``any`` of another."""
    is_counted: bool
    drop_reason: str | None
    """Why it is not counted: ``short``, ``still``, ``censored``, ``dedupe``,
    ``not_truck`` or ``overlap``; None when it is."""
    onset_censored: bool
    """The truck was already there at the first sample after a gap in coverage."""
    offset_censored: bool
    """Coverage ended before the truck left."""
    score_peak: float
    score_mean: float
    direction_score: float
    """|net displacement along ``in``| / net displacement, 0 to 1."""
    direction_method: str
    """``track``, ``flow``, ``order`` or ``none``."""
    n_samples: int
    segment_id_onset: str
    segment_id_offset: str
    path: tuple[tuple[int, float, float], ...] = ()
    """Thinned (t_us, x, y) of the box centre, fractions of the picture."""

    @property
    def dwell_s(self) -> float | None:
        """Seconds in the gate; None while still inside."""
        if self.offset_us is None:
            return None
        return (self.offset_us - self.onset_us) / 1e6
