"""Hours of all directions to trucks that left, with the bound that is certain."""

import pandas as pd

from truckcount.errors import FeatureError

PLACE = ["camera", "gate"]


def departures(hours: pd.DataFrame) -> pd.DataFrame:
    """Count trucks leaving each gate and hour, from below and from above.

    Parameters
    ----------
    hours : DataFrame
        Of `load_hours` with ``direction=None``, or bins: rows ``out`` and
        ``unknown``.

    Returns
    -------
    DataFrame
        camera, gate, hour_start_utc (of bins bin_start_utc), n_out, n_out_max
        (= out + unknown) and coverage_s. Null where nobody watched, and where the gate
        tells no directions apart: not zero.

    Raises
    ------
    FeatureError
        When the hours hold ``out`` but not ``unknown``.
    """
    start = "bin_start_utc" if "bin_start_utc" in hours else "hour_start_utc"
    key = [*PLACE, start]
    has = set(hours["direction"].unique())
    if "out" in has and "unknown" not in has:
        msg = (
            "departures needs the direction `unknown`, too: load the hours with "
            "direction=None"
        )
        raise FeatureError(msg)
    rows = hours[[*key, "direction", "coverage_s", "n_trucks"]]
    result = rows.drop_duplicates(key)[[*key, "coverage_s"]]
    for name, direction in (("n_out", "out"), ("unknown", "unknown")):
        one = rows[rows["direction"] == direction][[*key, "n_trucks"]]
        one = one.rename(columns={"n_trucks": name})
        result = result.merge(one, on=key, how="left", validate="one_to_one")
    result["n_out"] = result["n_out"].astype("Int64")
    result["n_out_max"] = result["n_out"] + result.pop("unknown").astype("Int64")
    result = result.sort_values(key, ignore_index=True)
    return result[[*key, "n_out", "n_out_max", "coverage_s"]]
