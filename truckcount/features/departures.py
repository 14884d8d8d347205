"""Hours of all directions to trucks that left, with the bound that is certain."""

import pandas as pd

from truckcount.errors import FeatureError

KEY = ["camera", "gate", "hour_start_utc"]


def departures(hours: pd.DataFrame) -> pd.DataFrame:
    """Count trucks leaving each gate and hour, from below and from above.

    Parameters
    ----------
    hours : DataFrame
        Of `load_hours` with ``direction=None``: rows ``out`` and ``unknown``.

    Returns
    -------
    DataFrame
        camera, gate, hour_start_utc, n_out, n_out_max (= out + unknown) and
        coverage_s. Null where nobody watched, and where the gate tells no
        directions apart: not zero.

    Raises
    ------
    FeatureError
        When the hours hold ``out`` but not ``unknown``.
    """
    has = set(hours["direction"].unique())
    if "out" in has and "unknown" not in has:
        msg = (
            "departures needs the direction `unknown`, too: load the hours with "
            "direction=None"
        )
        raise FeatureError(msg)
    rows = hours[[*KEY, "direction", "coverage_s", "n_trucks"]]
    result = rows.drop_duplicates(KEY)[[*KEY, "coverage_s"]]
    for name, direction in (("n_out", "out"), ("unknown", "unknown")):
        one = rows[rows["direction"] == direction][[*KEY, "n_trucks"]]
        one = one.rename(columns={"n_trucks": name})
        result = result.merge(one, on=KEY, how="left", validate="one_to_one")
    result["n_out"] = result["n_out"].astype("Int64")
    result["n_out_max"] = result["n_out"] + result.pop("unknown").astype("Int64")
    result = result.sort_values(KEY, ignore_index=True)
    return result[[*KEY, "n_out", "n_out_max", "coverage_s"]]
