"""Label sets to train, val and test, so that nothing leaks from one to another."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.schema import PARTS
from truckcount.labelling.units import NEAR_BITS, find_units, link_frames

if TYPE_CHECKING:
    import pandas as pd

SHARES = (80.0, 10.0, 10.0)
PAIRS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """How to split."""

    by: str = "day"
    """`camera`, `day` or `group`; groups are never cut, whatever is split by."""
    shares: tuple[float, ...] = SHARES
    """Of train, val and test; they need not add up to 100."""
    seed: int = 0
    near_bits: int = NEAR_BITS

    def __post_init__(self) -> None:
        if len(self.shares) != len(PARTS) or not all(
            np.isfinite(s) and s >= 0 for s in self.shares
        ):
            msg = f"shares {self.shares}: want three numbers for {', '.join(PARTS)}"
            raise LabelError(msg)
        if self.shares[0] <= 0:
            msg = f"shares {self.shares}: train needs a share above 0"
            raise LabelError(msg)
        if not 0 <= self.near_bits <= 64:
            msg = f"near-duplicates by {self.near_bits} bits; use 0 to 64 of 256"
            raise LabelError(msg)


def split_frames(
    frames: "pd.DataFrame", labels: "pd.DataFrame", options: SplitOptions
) -> "pd.DataFrame":
    """Give every frame to a part, whole units at a time.

    The largest unit goes first, each to the part that it helps most towards its
    share of every label, and never to one that is full. Row order does not matter.

    Parameters
    ----------
    frames : DataFrame
        Columns image, camera, day, group, phash.
    labels : DataFrame
        Merged labels: image, label. Frames without one count as a label of its own.

    Returns
    -------
    DataFrame
        image, split, unit; by image.

    Raises
    ------
    LabelError
        When there are fewer units than parts.
    """
    import pandas as pd

    frames = frames.sort_values("image", ignore_index=True)
    units = find_units(frames, options.by, options.near_bits)
    label_of = dict(zip(labels["image"], labels["label"], strict=True))
    label = pd.Series([label_of.get(image, "none") for image in frames["image"]])
    table = pd.crosstab(units, label)
    names = table.index.to_numpy()
    wanted = np.array(options.shares) / np.sum(options.shares)
    n_parts = int((wanted > 0).sum())
    if len(names) < n_parts:
        msg = (
            f"{len(frames)} frames are only {len(names)} units by {options.by} and "
            f"near-duplicates, too few for {n_parts} parts; add frames of other days "
            "or cameras, or split by something smaller (camera > day > group)"
        )
        raise LabelError(msg)
    order = np.array([_shuffle_key(str(name), options.seed) for name in names])
    parts = _assign(table.to_numpy(np.float64), wanted, order)
    part_of = dict(zip(names, np.array(PARTS)[parts], strict=True))
    split = units.map(part_of)
    rows = {"image": frames["image"], "split": split, "unit": units}
    return pd.DataFrame(rows).reset_index(drop=True)


def split_set(label_set: LabelSet, options: SplitOptions) -> "pd.DataFrame":
    """Split a label set, check that nothing leaks, and write ``splits.parquet``."""
    frames = label_set.frames
    if frames.empty:
        msg = f"{label_set.root} has no frames to split"
        raise LabelError(msg)
    rows = split_frames(frames, label_set.merged_labels(), options)
    check_leaks(frames, rows, by=options.by, near_bits=options.near_bits)
    label_set.write_splits(rows)
    label_set.note(
        "label split",
        {
            "by": options.by,
            "shares": list(options.shares),
            "seed": options.seed,
            "near_bits": options.near_bits,
        },
        len(rows),
    )
    return rows


def check_leaks(
    frames: "pd.DataFrame",
    splits: "pd.DataFrame",
    *,
    by: str = "group",
    near_bits: int = NEAR_BITS,
) -> None:
    """Raise unless every unit and every near-duplicate lies in one part.

    Groups, cameras or days and near-duplicates are looked for anew, in the frames;
    what the splits say of their units is not believed, but checked, too.

    Raises
    ------
    LabelError
        Naming pairs of frames that belong together and lie in two parts.
    """
    part = frames["image"].map(splits.set_index("image")["split"])
    rows = frames.assign(part=part)[part.notna().to_numpy()].reset_index(drop=True)
    links = link_frames(rows, by, near_bits)
    parts, images = rows["part"].to_numpy(), rows["image"].to_numpy()
    is_leak = parts[links[:, 0]] != parts[links[:, 1]]
    pairs = [
        f"{images[a]} ({parts[a]}) and {images[b]} ({parts[b]})"
        for a, b in links[is_leak][:PAIRS_SHOWN]
    ]
    n_leaks = int(is_leak.sum())
    cut = splits.groupby("unit")["split"].nunique()
    cut = cut[cut > 1]
    pairs += [f"unit {unit} (in {n} parts)" for unit, n in cut.head(3).items()]
    if pairs:
        msg = (
            f"the split leaks: {n_leaks + len(cut)} pairs or units that belong "
            f"together (same group, same {by} or near-duplicates) lie in different "
            f"parts: {'; '.join(pairs)}; run `truckcount label split` again"
        )
        raise LabelError(msg)


def parse_shares(text: str) -> tuple[float, ...]:
    """Read ``80,10,10``.

    >>> parse_shares("80,10,10")
    (80.0, 10.0, 10.0)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        msg = f"shares {text!r}: want three numbers, as 80,10,10"
        raise LabelError(msg) from error


def _shuffle_key(unit: str, seed: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{unit}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


Counts = npt.NDArray[np.float64]


def _assign(counts: Counts, wanted: Counts, order: Counts) -> npt.NDArray[np.int64]:
    """Choose each unit's part.

    Parameters
    ----------
    counts : shape (U, S), frames of unit u with label s
    wanted : shape (P,), shares adding up to 1
    order : shape (U,), decides between units of one size
    """
    sizes = counts.sum(axis=1)
    # the total is a stratum of its own, so that rare labels do not bend the shares
    strata = np.concatenate([counts, sizes[:, None]], axis=1)
    target = wanted[:, None] * strata.sum(axis=0)
    weight = 1 / np.maximum(target, 1e-9)
    weight[wanted == 0] = 0
    have = np.zeros_like(target)
    parts = np.zeros(len(counts), np.int64)
    room = target[:, -1].copy()
    for u in np.lexsort((order, -sizes)):
        # what the squared distance to the target grows by, relative to the target
        change = ((2 * (have - target) + strata[u]) * strata[u] * weight).sum(axis=1)
        change[room <= 1e-9] = np.inf  # at least one part has room: shares sum to 1
        best = int(np.argmin(change))
        parts[u] = best
        have[best] += strata[u]
        room[best] -= sizes[u]
    _fill_empty(parts, sizes, wanted)
    return parts


def _fill_empty(parts: npt.NDArray[np.int64], sizes: Counts, wanted: Counts) -> None:
    """Give a part that is wanted but got nothing the smallest unit there is to give."""
    for part in np.flatnonzero(wanted > 0):
        if (parts == part).any():
            continue
        n_units = np.bincount(parts, minlength=len(wanted))
        givers = np.flatnonzero(n_units[parts] > 1)
        parts[givers[np.argmin(sizes[givers])]] = part


def shares_of(splits: "pd.DataFrame") -> dict[str, float]:
    """Return the share of each part, 0-1."""
    counts: Sequence[int] = [int((splits["split"] == part).sum()) for part in PARTS]
    return {p: n / max(1, len(splits)) for p, n in zip(PARTS, counts, strict=True)}
