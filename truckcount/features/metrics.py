"""Counts against a reference: GEH, WAPE and bias, over jointly covered hours."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.errors import FeatureError

GEH_GOOD = 5.0  # DMRB: 85 % of hourly flows should lie below it
Floats = npt.NDArray[np.float64]


class Measure(NamedTuple):
    """A value and the pairs behind it; ``value`` is None where it says nothing."""

    value: float | None
    n_pairs: int


class Geh(NamedTuple):
    """GEH of hourly flows."""

    value: float | None
    """Mean over the pairs."""
    share_under_5: float | None
    n_pairs: int


def geh(m: Any, c: Any, coverage: Any = None) -> Geh:
    """Compute sqrt(2 (m - c)^2 / (m + c)) of hourly flows; 0 where both are 0.

    Parameters
    ----------
    m, c : number or array of numbers, trucks an hour
        Ours and the reference, paired by place; Series must have one index. Null
        (None, NA, NaN) leaves the pair out.
    coverage : array, seconds, optional
        Pairs with 0 or null are left out.

    Notes
    -----
    Lax at low flow: 20 against 5 gives 4.2. Never report it without the bias.

    Examples
    --------
    >>> round(geh(110, 100).value, 3)
    0.976
    """
    ours, reference = _pairs(m, c, coverage)
    if len(ours) == 0:
        return Geh(None, None, 0)
    both = ours + reference
    squared = 2 * (ours - reference) ** 2 / np.where(both > 0, both, 1.0)
    values = np.sqrt(squared)
    return Geh(float(values.mean()), float((values < GEH_GOOD).mean()), len(values))


def wape(m: Any, c: Any, coverage: Any = None) -> Measure:
    """Compute sum |m - c| / sum c; None where the reference counted nothing.

    Examples
    --------
    >>> wape([9, 12], [10, 10])
    Measure(value=0.15, n_pairs=2)
    """
    ours, reference = _pairs(m, c, coverage)
    return _share(np.abs(ours - reference), reference)


def bias(m: Any, c: Any, coverage: Any = None) -> Measure:
    """Compute sum (m - c) / sum c, the headline for a nowcast.

    Examples
    --------
    >>> bias([9, 12], [10, 10])
    Measure(value=0.05, n_pairs=2)
    """
    ours, reference = _pairs(m, c, coverage)
    return _share(ours - reference, reference)


def _share(errors: Floats, reference: Floats) -> Measure:
    total = float(reference.sum())
    value = float(errors.sum()) / total if total > 0 else None
    return Measure(value, len(reference))


def _pairs(m: Any, c: Any, coverage: Any) -> tuple[Floats, Floats]:
    _check_index(m, c, coverage)
    ours, reference = _floats(m), _floats(c)
    if len(ours) != len(reference):
        msg = f"{len(ours)} counts cannot be paired with {len(reference)} of reference"
        raise FeatureError(msg)
    if coverage is not None and len(_floats(coverage)) != len(ours):
        msg = f"{len(ours)} counts have {len(_floats(coverage))} values of coverage"
        raise FeatureError(msg)
    keep = ~(np.isnan(ours) | np.isnan(reference))
    if coverage is not None:
        keep &= np.nan_to_num(_floats(coverage)) > 0
    if (ours[keep] < 0).any() or (reference[keep] < 0).any():
        msg = "a count is negative"
        raise FeatureError(msg)
    return ours[keep], reference[keep]


def _check_index(*columns: Any) -> None:
    """Refuse Series in another order: pairs are made by place."""
    found = [c.index for c in columns if isinstance(c, pd.Series)]
    if any(not index.equals(found[0]) for index in found):
        msg = (
            "the counts and their reference have different indexes: align them, as "
            "with m.align(c, join='inner'), or pass m.to_numpy()"
        )
        raise FeatureError(msg)


def _floats(values: Any) -> Floats:
    if hasattr(values, "to_numpy"):
        return np.asarray(values.to_numpy(dtype="float64", na_value=np.nan))
    listed = np.atleast_1d(np.asarray(values, dtype=object))
    return np.array([np.nan if _is_null(v) else float(v) for v in listed])


def _is_null(value: Any) -> bool:
    return value is None or type(value).__name__ == "NAType"
