"""A calibration: how many trucks stand behind one that the machine counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from truckcount.domain.exposure import exposure_se


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A factor measured by an audit; features.md sections 1.7, 4.2 and 5.

    What an id says of the factor is fixed. ``phi``, ``valid_to_us`` and ``status`` may
    be known better later: a revision has the same id and a later ``known_at_us``, so
    that hours under it go on sharing one factor and its error.
    """

    calibration_id: str
    camera: str
    gate: str
    direction: str
    regime: str
    """``all``, or ``day`` (07-19 h local) and ``night`` where they were drawn apart."""
    method: str
    factor: float
    """Trucks a person counts for one that the machine counts."""
    factor_se: float
    factor_cv: float
    tau2: float
    """Residual variance of the true count for each truck of the machine."""
    phi: float
    """Over-dispersion of exposure error; 1 is Poisson."""
    dwell_mean_s: float | None = None
    dwell_cv: float | None = None
    n_windows: int
    audit_ids: tuple[str, ...]
    model_id: str
    config_hash: str
    """Applies to hours counted with this configuration and to no other."""
    valid_from_us: int
    """Start of the first hour it applies to, microseconds since 1970 UTC."""
    valid_to_us: int | None
    known_at_us: int
    status: str
    """``active``, ``drifted`` or ``withdrawn``."""

    def estimate_hour(
        self, n_trucks: int, coverage_share: float
    ) -> tuple[float, float, float]:
        """Estimate the trucks of a whole hour from those seen in part of it.

        Parameters
        ----------
        n_trucks : int
            As the machine counted.
        coverage_share : float
            Share of the hour that was watched, above 0 up to 1.

        Returns
        -------
        tuple of float
            Estimate, its standard error, and the part of that which is independent
            from hour to hour. The rest is the factor's own error: it is the same in
            every hour of this calibration and does not average away.

        Examples
        --------
        >>> c = Calibration(calibration_id="c", camera="dc", gate="exit",
        ...     direction="out", regime="all", method="ratio", factor=1.1485,
        ...     factor_se=0.0444, factor_cv=0.0387, tau2=0.264, phi=1.0,
        ...     n_windows=210, audit_ids=("a",), model_id="m", config_hash="0",
        ...     valid_from_us=0, valid_to_us=None, known_at_us=0, status="active")
        >>> tuple(round(v, 2) for v in c.estimate_hour(14, 0.75))
        (21.44, 3.76, 3.66)
        """
        se = exposure_se(n_trucks, coverage_share) * self.phi**0.5
        return self.apply(n_trucks / min(coverage_share, 1.0), se)

    def apply(
        self, seen: float, own_se: float, dwell_se: float = 0.0
    ) -> tuple[float, float, float]:
        """Calibrate an hour's uncalibrated estimate, as for ``estimate_hour``.

        Parameters
        ----------
        seen : float
            Trucks of the whole hour as the machine would have counted them.
        own_se : float
            Its standard error from what was not watched: 0 for a full hour.
        dwell_se : float
            Its standard error from the mean dwell, of stills: in every hour the same
            way, as the factor's own.
        """
        indep = self.factor**2 * own_se**2 + self.tau2 * seen
        shared = (seen * self.factor_se) ** 2 + (self.factor * dwell_se) ** 2
        return self.factor * seen, (indep + shared) ** 0.5, float(indep**0.5)

    def undo(self, est: float, se: float, se_indep: float) -> tuple[float, ...]:
        """Return what ``apply`` was given, up to rounding errors.

        Examples
        --------
        >>> c = Calibration(calibration_id="c", camera="dc", gate="exit",
        ...     direction="out", regime="all", method="ratio", factor=1.25,
        ...     factor_se=0.05, factor_cv=0.04, tau2=0.25, phi=1.0, n_windows=210,
        ...     audit_ids=("a",), model_id="m", config_hash="0", valid_from_us=0,
        ...     valid_to_us=None, known_at_us=0, status="active")
        >>> [round(x, 6) for x in c.undo(*c.apply(8.0, 3.0, 1.5))]
        [8.0, 3.0, 1.5]
        """
        seen = est / self.factor
        own = max(se_indep**2 - self.tau2 * seen, 0.0)
        dwell = max(se**2 - se_indep**2 - (seen * self.factor_se) ** 2, 0.0)
        return seen, own**0.5 / self.factor, dwell**0.5 / self.factor

    def is_for(self, hour_us: int, local_hour: int) -> bool:
        """Tell whether an hour that begins then lies in its time and regime."""
        is_in_time = self.valid_from_us <= hour_us and (
            self.valid_to_us is None or hour_us < self.valid_to_us
        )
        return is_in_time and self.regime in {"all", regime_of(local_hour)}


def latest_revisions(
    calibrations: Iterable[Calibration], known_by_us: int | None = None
) -> dict[str, Calibration]:
    """Return of each id what was known last, or last by a moment; of equals the later.

    In the order in which the ids became known: a revision makes no factor newer.

    Parameters
    ----------
    calibrations : iterable of Calibration
        Revisions in any order.
    """
    latest: dict[str, Calibration] = {}
    for c in sorted(calibrations, key=lambda c: c.known_at_us):
        if known_by_us is None or c.known_at_us <= known_by_us:
            latest[c.calibration_id] = c
    return latest


def pick_calibration(
    calibrations: Sequence[Calibration],
    *,
    gate: str,
    direction: str,
    config_hash: str,
    hour_us: int,
    local_hour: int,
    known_by_us: int,
) -> Calibration | None:
    """Return the calibration of an hour: the newest known, day or night before all.

    The newest is the one that was measured last, whichever was revised since.
    """
    measured_us: dict[str, int] = {}
    for c in calibrations:
        before = measured_us.get(c.calibration_id, c.known_at_us)
        measured_us[c.calibration_id] = min(before, c.known_at_us)
    fitting = [
        c
        for c in latest_revisions(calibrations, known_by_us).values()
        if (c.gate, c.direction, c.config_hash) == (gate, direction, config_hash)
        and c.status != "withdrawn"
        and c.is_for(hour_us, local_hour)
    ]
    return max(
        fitting,
        key=lambda c: (
            c.regime != "all",
            measured_us[c.calibration_id],
            c.status,
            c.calibration_id,
        ),
        default=None,
    )


def regime_of(local_hour: int) -> str:
    """Return ``day`` for hours that begin from 07 to 18 local time, else ``night``.

    By the clock, not the sun: a camera's place on the globe is not known.
    """
    return "day" if 7 <= local_hour < 19 else "night"
