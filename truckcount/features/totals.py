"""A gate's bins over a period to its total, cell by cell, with its errors."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from truckcount.domain.exposure import exposure_se
from truckcount.features.grid import N_CELLS, Floats, Grid
from truckcount.features.moments import Int64s

Bools = npt.NDArray[np.bool_]
MIN_COV_W = 0.60  # below it a total is null
MIN_CELL_HOURS = 1.0 - 1e-9
PROFILE_DAYS = 56
WHOLE_SHARE = 0.98  # of hours due: seams and a dropped frame are no outage
MIN_TRUCKS_BY_HOUR = 48.0  # two an hour of the day: with less all hours are alike
MIN_TRUCKS_BY_CELL = 336.0  # two a cell: with less all days are alike
MIN_PROFILE_HOURS = 168.0  # a week; with less the period itself joins in


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Trucks of one gate and direction in a period (features.md 6.1, 6.2)."""

    total: float
    """NaN where cov_w is below 0.60: too little was watched to say."""
    var_indep: float
    shared: dict[str, float] = field(default_factory=dict)
    """Standard error by calibration: common to all that uses it."""
    cov_w: float
    cov_time: float
    n_hours: float
    n_hours_null: int
    known_us: int
    configs: tuple[str, ...] = ()

    @classmethod
    def nothing(cls) -> "Total":
        """Return the total of a time that nobody watched, and that is not due."""
        nan = float("nan")
        return cls(
            total=nan, var_indep=nan, cov_w=nan, cov_time=nan, n_hours=1.0,
            n_hours_null=0, known_us=0,
        )  # fmt: skip


def measure_total(
    grid: Grid,
    first_day: int,
    end_day: int,
    *,
    profile: Floats | None = None,
    phi: float = 1.0,
) -> Total | None:
    """Estimate trucks in the local days [first_day, end_day).

    Each cell c (day of week, hour) has D_c hours due, E_c watched, n_c counted.
    A cell counts for n_c D_c / E_c: what was seen and what was missed at the
    cell's own rate. A cell watched less than an hour takes the missed part at
    level x profile instead, the level being all cells' trucks over their
    profile-weighted hours. A period that saw no truck has the error of an hour that
    saw none: half a truck more, in what was not watched.

    Parameters
    ----------
    profile : float64, shape (168,), optional
        Relative rate of each cell; by default that of the eight weeks before.
    phi : float
        Over-dispersion of what was missed, see `measure_phi`.

    Returns
    -------
    Total or None
        None when none of the period lies inside the gate's validity.

    Notes
    -----
    features.md takes the level over the *other* cells. Here it is over all: in a
    period of one day whose hours are watched 3590 s each, there are no others.
    """
    part = grid.between(first_day, end_day)
    cell = grid.cell[part]
    due = _by_cell(cell, grid.due[part])
    if due.sum() <= 0:
        return None
    seen = _by_cell(cell, grid.seen[part])
    n = _by_cell(cell, grid.n[part])
    known = grid.known_us[part].max(initial=np.iinfo(np.int64).min)
    if profile is None:
        profile, profile_known = base_profile(grid, first_day, end_day)
        known = max(known, profile_known)
    weight_due, weight_seen = float(profile @ due), float(profile @ seen)
    cov_time = float(seen.sum() / due.sum())
    cov_w = weight_seen / weight_due if weight_due > 0 else cov_time
    values = _Cells(due, seen, n, profile)
    config = np.unique(grid.config[part])
    is_told = cov_w >= MIN_COV_W and weight_seen > 0
    shared = {}
    for code in np.unique(grid.calibration[part]):
        if code >= 0:
            mine = np.where(grid.calibration[part] == code, grid.shared[part], 0.0)
            amount = values.scale(_by_cell(cell, mine))
            if amount > 0:
                shared[grid.calibrations[code]] = amount
    poisson = values.exposure_variance(_by_cell(cell, grid.n_squared[part]))
    if is_told and not n.any():  # as of an hour: nothing seen is not surely nothing
        poisson = exposure_se(0, cov_w) ** 2
    residual = values.scale(_by_cell(cell, grid.residual[part]))
    sampling = values.sampling_variance(_by_cell(cell, grid.sampling[part]))
    half_truck = values.pull[cell] ** 2 * grid.continuity[part]
    sampling += float(half_truck.max(initial=0.0))
    return Total(
        total=values.scale(n) if is_told else float("nan"),
        var_indep=phi * poisson + residual + sampling if is_told else float("nan"),
        shared=shared if is_told else {},
        cov_w=cov_w,
        cov_time=cov_time,
        n_hours=float(due.sum()),
        n_hours_null=int(((grid.seen[part] <= 0) & (grid.due[part] > 0)).sum()),
        known_us=int(known),
        configs=tuple(grid.configs[c] for c in config if c >= 0),
    )


def base_profile(grid: Grid, first_day: int, end_day: int) -> tuple[Floats, int]:
    """Return the cells' relative rates before a period, and when they were known.

    Over the eight weeks before it; with less than a week of exposure there, the
    period joins in. A cell without an hour of exposure takes the rate of its hour
    of the day, then that of all. So do all cells where too few trucks came to tell
    them apart: three that came by chance at noon would let an outage at noon null a
    day that was watched but for it. Mean 1.
    """
    part = grid.between(first_day - PROFILE_DAYS, first_day)
    if grid.seen[part].sum() < MIN_PROFILE_HOURS:
        part = grid.between(first_day - PROFILE_DAYS, end_day)
    cell = grid.cell[part]
    seen = _by_cell(cell, grid.seen[part])
    n = _by_cell(cell, grid.n[part])
    known = int(grid.known_us[part].max(initial=np.iinfo(np.int64).min))
    if n.sum() <= 0:
        return np.ones(N_CELLS), known
    # a truck of an estimate that rests on a thirtieth of the time tells a thirtieth
    poisson, sampling = grid.n_squared[part].sum(), grid.sampling[part].sum()
    n_told = float(n.sum() * poisson / (poisson + sampling))
    by_hour_seen = np.tile(seen.reshape(7, 24).sum(axis=0), 7)
    by_hour_n = np.tile(n.reshape(7, 24).sum(axis=0), 7)
    rate = np.full(N_CELLS, n.sum() / seen.sum())
    if n_told >= MIN_TRUCKS_BY_HOUR:
        rate = _where_enough(by_hour_n, by_hour_seen, rate)
    if n_told >= MIN_TRUCKS_BY_CELL:
        rate = _where_enough(n, seen, rate)
    return rate / rate.mean() if rate.mean() > 0 else np.ones(N_CELLS), known


def measure_phi(grid: Grid) -> float:
    """Measure how much more than Poisson the missed hours vary; at least 1.

    Whole hours of complete weeks are masked with the gate's own outages of other
    weeks, and what 6.1 makes of the rest is compared with the truth: so the
    change of level from week to week within a cell is priced.

    Returns
    -------
    float
        Mean squared error over mean variance; 1 without complete weeks or without
        outages. What clips or stills stray by themselves is no over-dispersion.
    """
    weeks = _weeks(grid)
    is_whole = {
        w: (seen >= WHOLE_SHARE * due).all() for w, (due, seen) in weeks.items()
    }
    whole = [w for w in weeks if is_whole[w]]
    holed = [w for w in weeks if not is_whole[w] and weeks[w][1].sum() > 0]
    squared, expected = 0.0, 0.0
    for week in whole:
        part = grid.between(7 * week - 3, 7 * week + 4)
        cell, n = grid.cell[part], _by_cell(grid.cell[part], grid.n[part])
        due = _by_cell(cell, grid.due[part])
        n_squared = _by_cell(cell, grid.n_squared[part])
        sampling = _by_cell(cell, grid.sampling[part])
        profile, _ = base_profile(grid, 7 * week - 3, 7 * week - 3)
        for other in holed:
            share = weeks[other][1] >= WHOLE_SHARE * weeks[other][0]
            seen, kept = np.where(share, due, 0.0), np.where(share, n, 0.0)
            cells = _Cells(due, seen, kept, profile)
            if float(profile @ seen) < MIN_COV_W * float(profile @ due):
                continue
            squared += (cells.scale(kept) - n.sum()) ** 2
            squared -= float(sampling @ (np.where(share, cells.pull, 0.0) - 1) ** 2)
            expected += cells.exposure_variance(np.where(share, n_squared, 0.0))
    return max(1.0, squared / expected) if expected > 0 else 1.0


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells of one period; arrays of shape (168,)."""

    due: Floats
    seen: Floats
    n: Floats
    profile: Floats

    def scale(self, amount: Floats) -> float:
        """Scale an amount that goes with the trucks seen to the whole period."""
        return float(amount @ self.pull)

    def sampling_variance(self, sampling: Floats) -> float:
        """Return the variance that what was seen carries into the whole period.

        An error in an hour's estimate is scaled up with the estimate; so its
        variance goes up by the square, unlike that of trucks nobody saw.
        """
        return float(sampling @ self.pull**2)

    def exposure_variance(self, n_squared: Floats) -> float:
        """Return the Poisson variance of what was not seen, given what was."""
        own = self._has_own_rate
        missed = np.maximum(self.due - self.seen, 0.0)
        rate = np.divide(n_squared, self.seen, out=np.zeros(N_CELLS), where=own)
        up = np.divide(self.due, self.seen, out=np.ones(N_CELLS), where=own)
        variance = float((rate * up * missed).sum())
        weight = float(self.profile @ self.seen)
        if weight > 0:
            m, level = self._missed_weight, float(n_squared.sum()) / weight
            # the level is estimated from the same trucks as the cells' own rates
            together = 2 * m / weight * float((rate * missed).sum())
            variance += level * m + level * m**2 / weight + together
        return variance

    @property
    def pull(self) -> Floats:
        """Trucks of the whole period for each truck seen, by cell, shape (168,)."""
        own = self._has_own_rate
        up = np.divide(self.due, self.seen, out=np.ones(N_CELLS), where=own)
        weight = float(self.profile @ self.seen)
        return up + (self._missed_weight / weight if weight > 0 else 0.0)

    @property
    def _has_own_rate(self) -> Bools:
        enough: Bools = self.seen >= MIN_CELL_HOURS
        return enough

    @property
    def _missed_weight(self) -> float:
        missed = np.maximum(self.due - self.seen, 0.0)
        return float((self.profile * missed)[~self._has_own_rate].sum())


def _weeks(grid: Grid) -> dict[int, tuple[Floats, Floats]]:
    """Return hours due and seen by cell of each week from Monday, inside validity."""
    week = (grid.day + 3) // 7
    result = {}
    for number in np.unique(week):
        part = grid.between(7 * number - 3, 7 * number + 4)
        due = _by_cell(grid.cell[part], grid.due[part])
        if (due > 0).sum() >= N_CELLS - 1:  # one hour is lost in spring
            result[int(number)] = due, _by_cell(grid.cell[part], grid.seen[part])
    return result


def _where_enough(n: Floats, seen: Floats, otherwise: Floats) -> Floats:
    enough = seen >= MIN_CELL_HOURS
    return np.where(enough, n / np.where(enough, seen, 1.0), otherwise)


def _by_cell(cell: Int64s, values: Floats) -> Floats:
    return np.bincount(cell, weights=values, minlength=N_CELLS).astype(np.float64)
