"""How scores are counted: every duration in seconds, every size in box sizes."""

from dataclasses import dataclass, fields, replace

from truckcount.errors import ConfigError

MAX_BOXES = 100.0  # box sizes: beyond any picture; arbitrary
ALIASES = {"on": "on_score", "off": "off_score"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingOptions:
    """Options of debounce, association and passages."""

    on_score: float = 0.5
    """A presence begins, and a track becomes a truck, at or above this."""
    off_score: float = 0.3
    """A presence ends, and no track begins, below this."""
    peak_floor: float = 0.15
    """A track goes on with peaks as low as this; lower ones are not looked at."""
    track_score: float = 0.4
    """Mean peak in the gate, weighted by box size, below which a track is no truck:
    vans and buses flicker over ``on_score``, trucks stay."""
    min_on_s: float = 0.3
    """Shortest stay that counts; a truck faster than that counts by its path."""
    fill_s: float = 1.0
    """Longest miss that a moving track or a presence survives."""
    stand_fill_s: float = 30.0
    """Longest miss of a track that stands: passing headlights, a lost score."""
    seam_s: float = 2.0
    """Longest gap between samples that is bridged (features.md section 13)."""
    reach: float = 0.7
    """How far from its prediction a truck may be found, in box sizes."""
    first_reach: float = 1.9
    """The same for a track seen once, whose speed is not known yet."""
    min_travel: float = 0.35
    """Way, in box sizes, from which on a track has moved."""
    same_share: float = 0.6
    """Share of its life that a peak rides on a larger truck to be a part of it."""

    def __post_init__(self) -> None:
        if not 0.0 < self.off_score < self.on_score <= 1.0:
            msg = (
                f"want 0 < off_score < on_score <= 1, got off_score "
                f"{self.off_score}, on_score {self.on_score}"
            )
            raise ConfigError(msg)
        if not 0.0 < self.peak_floor <= self.off_score:
            msg = (
                f"want 0 < peak_floor <= off_score, got {self.peak_floor} and "
                f"{self.off_score}"
            )
            raise ConfigError(msg)
        for name in ("min_on_s", "fill_s", "stand_fill_s", "seam_s"):
            if not 0.0 <= getattr(self, name) <= 3600.0:
                msg = f"{name} must be 0 to 3600 seconds, got {getattr(self, name)}"
                raise ConfigError(msg)

        for name in ("reach", "first_reach", "min_travel"):
            if not 0.0 <= getattr(self, name) <= MAX_BOXES:
                msg = (
                    f"{name} must be 0 to {MAX_BOXES:g} boxes, got "
                    f"{getattr(self, name)}"
                )
                raise ConfigError(msg)
        for name in ("track_score", "same_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                msg = f"{name} must be 0 to 1, got {getattr(self, name)}"
                raise ConfigError(msg)

    def held_s(self, *, has_peaks: bool = True) -> float:
        """Return the longest step between samples that no moving truck is lost in.

        Parameters
        ----------
        has_peaks : bool
            Trucks are followed; else presence alone is looked at.
        """
        return min(self.fill_s, self.seam_s) if has_peaks else self.seam_s

    def with_overrides(
        self, thresholds: tuple[tuple[str, float], ...]
    ) -> "CountingOptions":
        """Return these options with some replaced, by name or by ``on``/``off``.

        Raises
        ------
        ConfigError
            When a name is unknown or a value does not fit the others.
        """
        known = {f.name for f in fields(self)}
        changes = {ALIASES.get(name, name): float(value) for name, value in thresholds}
        unknown = sorted(set(changes) - known)
        if unknown:
            msg = f"unknown counting options {unknown}; known are {sorted(known)}"
            raise ConfigError(msg)
        if "off_score" in changes and "peak_floor" not in changes:
            changes["peak_floor"] = min(self.peak_floor, changes["off_score"])
        return replace(self, **changes)
