"""Frames to units: what a split must move as a whole."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.picture_hash import link_near, unpack_hashes

if TYPE_CHECKING:
    import pandas as pd

BY = ("camera", "day", "group", "time")
NEAR_BITS = 8
"""Hashes of 256 bits that differ in at most this many are near-duplicates.

Measured on a frame each of 92 real fixed cameras: copies (JPEG 60-95, half size)
differ in at most 6, frames 5 s apart in at least 12 and mostly in over 40; frames of
one camera on different days in at least 34."""
EVENT_GAP_S = 30.0
"""Frames of one camera less than this apart are one event: arbitrary, longer than a
truck needs to pass, so that no truck is seen in two parts."""
N_STRETCHES = 20
"""Of a group that is split by time: the usual tenth is two of them, so that a part may
hold both a stretch with trucks and one without."""


def link_frames(
    frames: "pd.DataFrame", by: str, near_bits: int = NEAR_BITS
) -> npt.NDArray[np.int64]:
    """Link frames that must stay together.

    Frames of one group, and those of one camera within `EVENT_GAP_S`, are linked
    whatever is split by, but by time; those of one camera or day, too, where that
    is; and near-duplicates over all frames.

    Returns
    -------
    int64, shape (E, 2)
        Pairs of row positions, enough to reach every frame of a unit.

    Raises
    ------
    LabelError
        When splitting by day and a frame's day is not known.
    """
    if by not in BY:
        msg = f"split by {by!r}: not one of {', '.join(BY)}"
        raise LabelError(msg)
    if by == "day" and (frames["day"] == "").any():
        n = int((frames["day"] == "").sum())
        first = frames["image"][frames["day"] == ""].iloc[0]
        msg = f"{n} frames have no day ({first}, ...); split by group or camera instead"
        raise LabelError(msg)
    links = [link_near(unpack_hashes(frames["phash"].tolist()), near_bits)]
    if by == "time":
        return links[0]
    links.append(link_events(frames))
    for column in dict.fromkeys(["group", by]):
        codes = frames[column].astype("category").cat.codes.to_numpy()
        order = np.argsort(codes, kind="stable").astype(np.int64)
        is_same = codes[order][1:] == codes[order][:-1]
        links.append(np.stack([order[:-1][is_same], order[1:][is_same]], axis=1))
    return np.concatenate(links)


def link_events(frames: "pd.DataFrame") -> npt.NDArray[np.int64]:
    """Link each frame to the next of its camera, or of its video, if it is soon.

    Returns
    -------
    int64, shape (E, 2)
    """
    import pandas as pd

    t_utc = pd.to_datetime(frames["t_utc"], utc=True)
    epoch = pd.Timestamp(0, tz="UTC")
    moment_s = ((t_utc - epoch) / pd.Timedelta(seconds=1)).to_numpy(np.float64)
    within_s = frames["source_t_s"].to_numpy(np.float64, na_value=np.nan)
    links = [np.zeros((0, 2), np.int64)]
    for column, t_s in (("camera", moment_s), ("source", within_s)):
        codes = frames[column].astype("category").cat.codes.to_numpy()
        order = np.lexsort((t_s, codes)).astype(np.int64)
        is_same = codes[order][1:] == codes[order][:-1]
        is_soon = is_same & (np.diff(t_s[order]) < EVENT_GAP_S)  # NaN is never soon
        links.append(np.stack([order[:-1][is_soon], order[1:][is_soon]], axis=1))
    return np.concatenate(links)


def link_stretches(frames: "pd.DataFrame") -> npt.NDArray[np.int64]:
    """Link the frames of each of `N_STRETCHES` stretches of every group, in time order.

    Returns
    -------
    int64, shape (E, 2)
    """
    import pandas as pd

    within_s = frames["source_t_s"].to_numpy(np.float64, na_value=np.inf)
    t_utc = pd.to_datetime(frames["t_utc"], utc=True)
    order = frames.assign(within=within_s, at=t_utc, row=np.arange(len(frames)))
    order = order.sort_values(["group", "at", "within", "image"])
    place = order.groupby("group").cumcount()
    n_frames = order.groupby("group")["image"].transform("size")
    stretch = (N_STRETCHES * place // n_frames).to_numpy()
    group, row = order["group"].to_numpy(), order["row"].to_numpy(np.int64)
    is_same = (group[1:] == group[:-1]) & (stretch[1:] == stretch[:-1])
    return np.stack([row[:-1][is_same], row[1:][is_same]], axis=1)


def find_units(
    frames: "pd.DataFrame", by: str, near_bits: int = NEAR_BITS
) -> "pd.Series[str]":
    """Name every frame's unit: the first image, by name, among what is linked.

    Returns
    -------
    Series of str, with the index of `frames`
    """
    import pandas as pd

    links = link_frames(frames, by, near_bits)
    if by == "time":  # what is one stretch now need not be when frames have gone
        links = np.concatenate([links, link_stretches(frames)])
    first = _first_linked(frames, links)
    return pd.Series(first, index=frames.index, name="unit")


def name_events(frames: "pd.DataFrame", known: "pd.DataFrame") -> "pd.Series[str]":
    """Name groups of frames that follow one another by `EVENT_GAP_S`.

    Parameters
    ----------
    frames : DataFrame
        Columns image, camera, t_utc, source, source_t_s.
    known : DataFrame
        Frames of before, with their groups: an event that has one of them keeps its
        group, else it is called by the first frame.

    Returns
    -------
    Series of str, with the index of `frames`
    """
    import pandas as pd

    columns = ["image", "camera", "t_utc", "source", "source_t_s"]
    parts = [part[columns] for part in (known, frames) if len(part)]
    both = pd.concat(parts, ignore_index=True)
    first = _first_linked(both, link_events(both))
    new = first.iloc[len(known) :].set_axis(frames.index)
    stem = new.str.removeprefix("frames/").str.replace(r"\.\w+$", "", regex=True)
    named = frames["camera"] + "/" + stem
    if known.empty:
        return named
    group_of = known["group"].groupby(first.iloc[: len(known)].to_numpy()).first()
    held = new.map(group_of)
    return held.where(held.notna(), named)


def _first_linked(
    frames: "pd.DataFrame", links: npt.NDArray[np.int64]
) -> "pd.Series[str]":
    """Return for each frame the first image, by name, that links lead to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(frames)
    weights = np.ones(len(links), np.int8)
    graph = coo_array((weights, (links[:, 0], links[:, 1])), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    return frames["image"].groupby(component).transform("min")
