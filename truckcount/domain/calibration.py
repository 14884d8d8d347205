"""A calibration: how many trucks stand behind one that the machine counted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A factor measured by an audit; features.md sections 1.7, 4.2 and 5."""

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
        f = min(coverage_share, 1.0)
        exposure = self.phi * (n_trucks + 0.5) * (1 - f) / f**2
        return self.apply(n_trucks / f, exposure**0.5)

    def apply(self, seen: float, exposure_se: float) -> tuple[float, float, float]:
        """Calibrate an hour's uncalibrated estimate, as for ``estimate_hour``.

        Parameters
        ----------
        seen : float
            Trucks of the whole hour as the machine would have counted them.
        exposure_se : float
            Its standard error from what was not watched: 0 for a full hour.
        """
        indep = self.factor**2 * exposure_se**2 + self.tau2 * seen
        shared = (seen * self.factor_se) ** 2
        return self.factor * seen, (indep + shared) ** 0.5, float(indep**0.5)

    def undo(self, est: float, se_indep: float) -> tuple[float, float]:
        """Return what ``apply`` was given, up to rounding errors.

        Examples
        --------
        >>> c = Calibration(calibration_id="c", camera="dc", gate="exit",
        ...     direction="out", regime="all", method="ratio", factor=1.25,
        ...     factor_se=0.05, factor_cv=0.04, tau2=0.25, phi=1.0, n_windows=210,
        ...     audit_ids=("a",), model_id="m", config_hash="0", valid_from_us=0,
        ...     valid_to_us=None, known_at_us=0, status="active")
        >>> est, _, se_indep = c.apply(8.0, 3.0)
        >>> [round(x, 9) for x in c.undo(est, se_indep)]
        [8.0, 3.0]
        """
        seen = est / self.factor
        exposure = max(se_indep**2 - self.tau2 * seen, 0.0)
        return seen, exposure**0.5 / self.factor

    def is_for(self, hour_us: int, local_hour: int) -> bool:
        """Tell whether an hour that begins then lies in its time and regime."""
        is_in_time = self.valid_from_us <= hour_us and (
            self.valid_to_us is None or hour_us < self.valid_to_us
        )
        return is_in_time and self.regime in {"all", regime_of(local_hour)}


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
    """Return the calibration of an hour: the newest known, day or night before all."""
    fitting = [
        c
        for c in calibrations
        if (c.gate, c.direction, c.config_hash) == (gate, direction, config_hash)
        and c.status != "withdrawn"
        and c.known_at_us <= known_by_us
        and c.is_for(hour_us, local_hour)
    ]
    return max(
        fitting,
        key=lambda c: (c.regime != "all", c.known_at_us, c.status, c.calibration_id),
        default=None,
    )


def regime_of(local_hour: int) -> str:
    """Return ``day`` for hours that begin from 07 to 18 local time, else ``night``.

    By the clock, not the sun: a camera's place on the globe is not known.
    """
    return "day" if 7 <= local_hour < 19 else "night"
