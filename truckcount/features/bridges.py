"""Bridges between configurations to what each one's counts are multiplied by."""

from collections.abc import Sequence

import pandas as pd

from truckcount.errors import FeatureError
from truckcount.features.columns import HourColumns

Bridge = tuple[str, str, float]
"""From one configuration to another, and the ratio of new to old."""
PAIR = ("camera", "gate", "from_hash", "to_hash")


def read_bridges(
    bridges: pd.DataFrame | None,
) -> dict[tuple[str, str], list[Bridge]]:
    """Return each gate's bridges, of several for one pair the one known last.

    Parameters
    ----------
    bridges : DataFrame, optional
        camera, gate, from_hash, to_hash, ratio; known_at_utc where there is one. A
        table is appended to, so that a later line replaces an earlier one of its
        pair (features.md 3.8); a line that says no time was known from the first.

    Raises
    ------
    FeatureError
        When two lines give one pair two ratios, and neither was known later.
    """
    if bridges is None:
        return {}
    lines = bridges.reset_index(drop=True)
    if "known_at_utc" not in lines:
        lines["known_at_utc"] = pd.NaT
    lines["known_at_utc"] = pd.to_datetime(lines["known_at_utc"], utc=True)
    lines = lines.sort_values("known_at_utc", na_position="first", kind="stable")
    found: dict[tuple[str, str], list[Bridge]] = {}
    for (camera, gate, old, new), told in lines.groupby(list(PAIR), sort=False):
        last = told["known_at_utc"].iloc[-1]
        is_last = told["known_at_utc"].isna() if pd.isna(last) else (
            told["known_at_utc"] == last
        )  # fmt: skip
        ratios = told.loc[is_last, "ratio"]
        if ratios.nunique() > 1:
            first, other = ratios.index[0], ratios.index[ratios != ratios.iloc[0]][0]
            msg = (
                f"camera {camera!r}, gate {gate!r}: lines {first} and {other} of the "
                f"bridges (from 0) tell two ratios from {old} to {new}, "
                f"{ratios[first]:g} and {ratios[other]:g}; keep one, or give the right "
                "one a later known_at_utc"
            )
            raise FeatureError(msg)
        found.setdefault((camera, gate), []).append((old, new, float(ratios.iloc[0])))
    return found


def bridge_to_latest(rows: HourColumns, lines: Sequence[Bridge]) -> dict[str, float]:
    """Return what to multiply each configuration's counts by; {} without a bridge.

    All go to where the bridges lead from the latest configuration of the rows, so
    that two stretches of time, rolled up apart, come to one scale.
    """
    if not lines or rows.config is None:
        return {}
    latest = rows.config.names[rows.config.codes[rows.start_us.argmax()]]
    onward = {old: new for old, new, _ in lines}
    seen = {latest}
    while latest in onward and onward[latest] not in seen:
        latest = onward[latest]
        seen.add(latest)
    ratios = {latest: 1.0}
    waiting = [latest]
    while waiting:
        new = waiting.pop()
        for old, to, ratio in lines:
            if to == new and old not in ratios:
                ratios[old] = ratios[new] * ratio
                waiting.append(old)
    return ratios
