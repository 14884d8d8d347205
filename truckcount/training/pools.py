"""The shared data's label sets to pools of pictures, by name and by licence."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.training.label_set import (
    LabelledPicture,
    read_images,
    read_rendered,
    read_train_clips,
)

Pools = dict[str, list[LabelledPicture]]

# Share of the draws; the toll camera is one camera in five recordings: capped.
SHARES = {
    "rf100_toll_id": 0.13,
    "kaggle_traffic_vehicles_in": 0.20,
    "dawn_fog": 0.09,
    "atl_v2": 0.10,
    "ela_mixed": 0.15,
    "highway_tidar_id": 0.09,
    "tfl_625": 0.12,
    "uk_m6": 0.12,
    "rendered": 0.22,
}
ADDED_SHARE = 0.10  # of a label set that is given beside these
CLIP_EVERY_S = 0.8
OPEN_LICENCE = re.compile(
    r"\s*(CC[ -]?BY([ -]SA)?[ -]\d|CC0|MIT|Apache|BSD|Public Domain|ODbL|CDLA)",
    re.IGNORECASE,
)
"""Licences under which anybody may use, change and share, as a source spells them.
Creative Commons with NC or ND, `research use` and `none stated` are not among them."""


def read_pools(data: Path, rendered: Iterable[Path] = ()) -> Pools:
    """Read every label set that the shares name.

    Frames of clips of role `score` are never read.

    Parameters
    ----------
    data : Path
        The folder that holds ``images`` and ``clips``.
    rendered : paths
        Folders of ``sample_videos/render/train_frames.py``.
    """
    pools: Pools = {}
    for name in SHARES:
        if (data / "images" / name).is_dir():
            pools[name] = read_images(data / "images", [name])
    clips = read_train_clips(data / "clips", every_s=CLIP_EVERY_S)
    pools["tfl_625"] = [p for p in clips if "tfl" in p.group]
    pools["uk_m6"] = [p for p in clips if "tfl" not in p.group]
    pools["rendered"] = [p for folder in rendered for p in read_rendered(folder)]
    return pools


def is_open(licence: str) -> bool:
    """Say whether a licence text names an open licence.

    >>> is_open("CC BY 4.0 (Roboflow)"), is_open("none stated"), is_open("CC BY-NC 4.0")
    (True, False, False)
    """
    return OPEN_LICENCE.match(licence) is not None


def keep_open(pools: Mapping[str, list[LabelledPicture]]) -> Pools:
    """Keep the pictures whose licence is open; pools that lose all are dropped.

    Raises
    ------
    LabelError
        When nothing is left.
    """
    kept = {
        name: [p for p in pool if is_open(p.licence)] for name, pool in pools.items()
    }
    kept = {name: pool for name, pool in kept.items() if pool}
    if not kept:
        found = sorted({p.licence for pool in pools.values() for p in pool})
        msg = f"no picture has an open licence; the sources say {found}"
        raise LabelError(msg)
    return kept


def count_licences(
    pools: Mapping[str, list[LabelledPicture]],
) -> dict[str, dict[str, int]]:
    """Count the pictures of each pool by licence."""
    table: dict[str, dict[str, int]] = {}
    for name, pool in pools.items():
        for picture in pool:
            counts = table.setdefault(name, {})
            counts[picture.licence] = counts.get(picture.licence, 0) + 1
    return table
