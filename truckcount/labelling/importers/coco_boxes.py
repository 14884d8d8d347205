"""One annotation of a COCO file to the corners of its box."""

import math
from typing import Any

from truckcount.labelling.importers.found import Corners


def corners_of(row: dict[str, Any]) -> Corners:
    """Read an annotation's `bbox`, or the box around its `segmentation`.

    Raises
    ------
    ValueError
        Saying what there is instead.
    """
    bbox = row.get("bbox")
    if bbox:
        try:
            x, y, w, h = (float(v) for v in bbox)
        except (TypeError, ValueError) as error:
            msg = f"bbox {bbox!r} is not [x, y, width, height]"
            raise ValueError(msg) from error
        return x, y, x + w, y + h
    segmentation = row.get("segmentation")
    try:
        if isinstance(segmentation, dict):
            return _around_runs(segmentation)
        return _around_polygons(segmentation or [])
    except (TypeError, ValueError, KeyError, IndexError) as error:
        msg = f"bbox is {bbox!r}, and no box can be read from its segmentation"
        raise ValueError(msg) from error


def _around_polygons(polygons: list[Any]) -> Corners:
    """Return the box around polygons, each ``[x, y, x, y, ...]``."""
    xs = [float(v) for polygon in polygons for v in polygon[0::2]]
    ys = [float(v) for polygon in polygons for v in polygon[1::2]]
    if not all(map(math.isfinite, [*xs, *ys])):
        msg = "a corner is no number"
        raise ValueError(msg)
    return min(xs), min(ys), max(xs), max(ys)


def _around_runs(mask: dict[str, Any]) -> Corners:
    """Return the box around a run-length mask: columns, off and on in turn."""
    height = int(mask["size"][0])
    counts = mask["counts"]
    runs = _runs_of(counts) if isinstance(counts, str) else [int(n) for n in counts]
    columns: list[int] = []
    rows: list[int] = []
    begin = 0
    for k, length in enumerate(runs):
        end = begin + length
        if k % 2 and length > 0:
            first, last = begin // height, (end - 1) // height
            columns += [first, last]
            rows += (
                [begin % height, (end - 1) % height]
                if first == last
                else [0, height - 1]
            )
        begin = end
    return min(columns), min(rows), max(columns) + 1.0, max(rows) + 1.0


def _runs_of(text: str) -> list[int]:
    """Unpack a compressed mask: five bits a letter, from the third the difference.

    References
    ----------
    ``rleFrString`` in https://github.com/cocodataset/cocoapi, common/maskApi.c
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        value, shift, has_more = 0, 0, True
        while has_more:
            bits = ord(text[place]) - 48
            value |= (bits & 0x1F) << shift
            has_more = bool(bits & 0x20)
            place, shift = place + 1, shift + 5
            if not has_more and bits & 0x10:
                value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs
