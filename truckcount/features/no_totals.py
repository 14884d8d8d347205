"""No hours to totals: a frame without rows that has a roll-up's columns."""

import pandas as pd

_KEYS = {
    "gate": ("camera", "gate", "direction"),
    "site": ("ticker", "site"),
    "ticker": ("ticker",),
}
_FISCAL = {"fiscal_year": "int64", "fiscal_quarter": "int64", "weeks": "float64"}
_TYPES = {
    "total": "float64",
    "se": "float64",
    "se_indep": "float64",
    "cov_w": "float64",
    "cov_time": "float64",
    "share_imputed": "float64",
    "n_hours": "float64",
    "n_hours_null": "int64",
    "is_complete": "bool",
    "n_gates": "int64",
    "gates": "str",
    "shared": "object",
    "config_hash": "str",
    "configs": "str",
    "max_known_at_utc": "datetime64[us, UTC]",
}


def no_totals(by: str, *, is_mapped: bool, is_fiscal: bool) -> pd.DataFrame:
    """Return the frame of hours that hold no period: nothing was known, as-of."""
    keys = ("ticker",) if by == "gate" and is_mapped else ()
    period = dict.fromkeys(("period_start", "period_end"), "datetime64[s]")
    types = dict.fromkeys((*keys, *_KEYS[by]), "str") | period
    types |= (_FISCAL if is_fiscal else {}) | _TYPES
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
