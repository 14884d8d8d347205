"""Features of past quarters to forecasts of the next, refitted every quarter."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
N_TRAIN = 12
REFITTED = "consensus, refitted"  # shrunk as the past says: the fair opponent
FIRST = 4  # growth needs a year before it


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts of sales growth by name; arrays (firms, test quarters)."""

    truth: Floats
    consensus: Floats
    trucks: Floats
    """Truck growth less the firm's mean up to that quarter."""
    by_name: dict[str, Floats]
    quarters: range


def demean(trucks: Floats) -> Floats:
    """Take off each firm's mean of the quarters up to and with this one."""
    known = ~np.isnan(trucks)
    sums = np.cumsum(np.where(known, trucks, 0.0), axis=1)
    counts = np.maximum(np.cumsum(known, axis=1), 1)
    result: Floats = trucks - sums / counts
    return result


def forecast(sales: Floats, consensus: Floats, trucks: Floats) -> Forecasts:
    """Forecast each test quarter from what was known at its decision.

    Parameters
    ----------
    sales, consensus, trucks : float64, shape (firms, quarters)
        Trucks as known at each decision; NaN before there is a year to compare
        with, or where nothing could be matched. Sales up to the quarter before are
        known: reports come 25 days after a quarter, decisions a week after one.
    """
    growth = demean(trucks)
    quarters = range(N_TRAIN, sales.shape[1])
    names = (
        "seasonal naive", "last growth", "AR", "consensus", REFITTED, "trucks", "both",
    )  # fmt: skip
    made = {name: np.full((sales.shape[0], len(quarters)), np.nan) for name in names}
    for k, q in enumerate(quarters):
        made["seasonal naive"][:, k] = sales[:, q - 4]
        made["last growth"][:, k] = sales[:, q - 1]
        made["consensus"][:, k] = consensus[:, q]
        past = slice(FIRST, q)
        lagged = np.stack([sales[:, FIRST - 1 : q - 1]])
        fits = {
            "AR": (lagged, sales[:, q - 1][None]),
            "trucks": (growth[None, :, past], growth[:, q][None]),
            REFITTED: (consensus[None, :, past], consensus[:, q][None]),
            "both": (
                np.stack([consensus[:, past], growth[:, past]]),
                np.stack([consensus[:, q], growth[:, q]]),
            ),
        }
        for name, (train, now) in fits.items():
            made[name][:, k] = _fit(train, sales[:, past], now)
    cut = slice(quarters.start, quarters.stop)
    return Forecasts(sales[:, cut], consensus[:, cut], growth[:, cut], made, quarters)


def rmse(made: Floats, truth: Floats) -> float:
    """Return the root mean squared error over firm-quarters with a forecast."""
    return float(np.sqrt(np.nanmean((made - truth) ** 2)))


def _fit(train: Floats, target: Floats, now: Floats) -> Floats:
    """Fit ordinary least squares over all firms and forecast from ``now``."""
    x = np.column_stack([np.ones(target.size), *(t.ravel() for t in train)])
    use = ~np.isnan(x).any(axis=1)
    weights, *_ = np.linalg.lstsq(x[use], target.ravel()[use], rcond=None)
    made: Floats = np.column_stack([np.ones(now.shape[1]), *now]) @ weights
    return made
