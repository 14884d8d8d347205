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
SPLIT = "label split"  # as provenance calls it
SHUFFLED = 0.5  # by so much of its size a unit may come later; seed 0: by none
FREE = -1  # of a unit that no former split gave to a part


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """How to split."""

    by: str = "day"
    """`camera`, `day` or `group`: groups are not cut; `time` cuts each to stretches."""
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
    frames: "pd.DataFrame",
    labels: "pd.DataFrame",
    options: SplitOptions,
    former: "pd.DataFrame | None" = None,
) -> "pd.DataFrame":
    """Give every frame to a part, whole units at a time.

    The largest unit goes first (with a seed other than 0 more or less), each to the
    part that it helps most towards its share of every label, and never to one that is
    full. Row order does not matter.
    A unit with frames of a former split stays in their part; where new frames join
    what lay in two, in the first of train, val and test: that was learned from.

    Parameters
    ----------
    frames : DataFrame
        Columns image, camera, day, group, phash.
    labels : DataFrame
        Merged labels: image, label. Frames without one count as a label of its own.
    former : DataFrame, optional
        image, split: of an earlier split whose parts stand.

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
            "or cameras, or split by something smaller (camera > day > group > time)"
        )
        raise LabelError(msg)
    order = np.array([_shuffle_key(str(name), options.seed) for name in names])
    sizes = table.to_numpy(np.float64).sum(axis=1)
    if options.seed:  # or units of unlike sizes came in one order whatever the seed
        sizes = sizes * (1 - SHUFFLED * order)
    turns = np.lexsort((order, -sizes))
    held = _held_parts(frames, units, former).reindex(names).to_numpy(np.int64)
    parts = _assign(table.to_numpy(np.float64), wanted, turns, held)
    part_of = dict(zip(names, np.array(PARTS)[parts], strict=True))
    split = units.map(part_of)
    rows = {"image": frames["image"], "split": split, "unit": units}
    return pd.DataFrame(rows).reset_index(drop=True)


def split_set(label_set: LabelSet, options: SplitOptions) -> "pd.DataFrame":
    """Split a label set, check that nothing leaks, and write ``splits.parquet``.

    Split again by the same options, frames stay in their parts and new ones are
    added, so that weights of before have seen nothing of the test part. By other
    options all is drawn anew.
    """
    frames = label_set.frames
    if frames.empty:
        msg = f"{label_set.root} has no frames to split"
        raise LabelError(msg)
    how = {
        "by": options.by,
        "shares": list(options.shares),
        "seed": options.seed,
        "near_bits": options.near_bits,
    }
    made = [e for e in label_set.header["provenance"] if e["what"] == SPLIT]
    former = label_set.splits if made and made[-1]["args"] == how else None
    rows = split_frames(frames, label_set.merged_labels(), options, former)
    check_leaks(frames, rows, by=options.by, near_bits=options.near_bits)
    label_set.write_splits(rows)
    label_set.note(SPLIT, how, len(rows))
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
    what the splits say of their units is not believed, but checked, too. By time,
    groups may be cut: only near-duplicates and units are looked at.

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


def _shuffle_key(unit: str, seed: int) -> float:
    """Return a number of 0 to 1 that a unit draws by a seed."""
    digest = hashlib.blake2b(f"{seed}/{unit}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 256**7


def _held_parts(
    frames: "pd.DataFrame", units: "pd.Series[str]", former: "pd.DataFrame | None"
) -> "pd.Series[int]":
    """Return each unit's number of a part in a former split, or `FREE`."""
    import pandas as pd

    if former is None:
        return pd.Series(FREE, index=pd.unique(units))
    number = {part: k for k, part in enumerate(PARTS)}
    held = frames["image"].map(former.set_index("image")["split"]).map(number)
    return held.groupby(units).min().fillna(FREE).astype(int)


Counts = npt.NDArray[np.float64]
Parts = npt.NDArray[np.int64]


def _assign(counts: Counts, wanted: Counts, turns: Parts, held: Parts) -> Parts:
    """Choose each unit's part.

    Parameters
    ----------
    counts : shape (U, S), frames of unit u with label s
    wanted : shape (P,), shares adding up to 1
    turns : shape (U,), the units in the order that they are given away
    held : shape (U,), the part that a unit is in already, or `FREE`
    """
    sizes = counts.sum(axis=1)
    # the total is a stratum of its own, so that rare labels do not bend the shares
    strata = np.concatenate([counts, sizes[:, None]], axis=1)
    target = wanted[:, None] * strata.sum(axis=0)
    weight = 1 / np.maximum(target, 1e-9)
    weight[wanted == 0] = 0
    have = np.zeros_like(target)
    parts = held.copy()
    for part in range(len(wanted)):
        have[part] = strata[held == part].sum(axis=0)
    room = target[:, -1] - have[:, -1]
    for u in turns:
        if held[u] != FREE:
            continue
        # what the squared distance to the target grows by, relative to the target
        change = ((2 * (have - target) + strata[u]) * strata[u] * weight).sum(axis=1)
        change[room <= 1e-9] = np.inf  # at least one part has room: shares sum to 1
        best = int(np.argmin(change))
        parts[u] = best
        have[best] += strata[u]
        room[best] -= sizes[u]
    _fill_empty(parts, sizes, wanted, held == FREE)
    return parts


def _fill_empty(
    parts: Parts, sizes: Counts, wanted: Counts, is_free: npt.NDArray[np.bool_]
) -> None:
    """Give a part that is wanted but got nothing the smallest unit there is to give."""
    for part in np.flatnonzero(wanted > 0):
        if (parts == part).any():
            continue
        n_units = np.bincount(parts, minlength=len(wanted))
        givers = np.flatnonzero((n_units[parts] > 1) & is_free)
        if len(givers):
            parts[givers[np.argmin(sizes[givers])]] = part


def shares_of(splits: "pd.DataFrame") -> dict[str, float]:
    """Return the share of each part, 0-1."""
    counts: Sequence[int] = [int((splits["split"] == part).sum()) for part in PARTS]
    return {p: n / max(1, len(splits)) for p, n in zip(PARTS, counts, strict=True)}
