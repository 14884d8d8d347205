"""How wide the faces of people in traffic pictures are, in tiles of --blur-people.

    python -m benchmarks.blur_people

Boxes of people and trucks of labelled stills (``DATA``, not in the repository); a face
is taken for 0.09 of a person's height wide (0.155 m of 1.75 m). No picture is read.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import ROOT, describe
from truckcount.video.mosaic import (
    LEAST_FRACTION,
    MIN_TRUCKS,
    MOST_FRACTION,
    NEAR_QUANTILE,
    TILES_A_TRUCK,
    UNKNOWN_FRACTION,
)

DATA = ROOT.parent / "shared" / "data" / "images"
RESULT = Path(__file__).parent / "results" / "blur_people.json"
FACE_OF_HEIGHT = 0.155 / 1.75


def measure(boxes: pd.DataFrame, images: pd.DataFrame) -> dict[str, Any]:
    """Return faces in tiles, with the tile that a camera's trucks would choose.

    Pictures of one ``group`` are taken for one camera.
    """
    keys = ["set", "image"]
    sizes = images[[*keys, "height"]].rename(columns={"height": "picture_px"})
    boxes = boxes.merge(sizes, on=keys)
    boxes["share"] = (boxes["y2"] - boxes["y1"]) / boxes["picture_px"]
    trucks = boxes[boxes["class"] == "truck"].groupby("group")["share"]
    near = trucks.quantile(NEAR_QUANTILE)[trucks.size() >= MIN_TRUCKS]
    tile = (near / TILES_A_TRUCK).clip(LEAST_FRACTION, MOST_FRACTION)
    people = boxes[boxes["class"] == "person"]
    tiles = people["group"].map(tile).fillna(UNKNOWN_FRACTION)
    face = people["share"] * FACE_OF_HEIGHT / tiles
    return {
        "n_people": len(people),
        "n_cameras": int(people["group"].nunique()),
        "with_known_scale": round(float(people["group"].isin(tile.index).mean()), 3),
        "faces_under_one_tile": round(float((face < 1).mean()), 4),
        "faces_under_two_tiles": round(float((face < 2).mean()), 4),
        "widest_face_tiles": round(float(np.max(face)), 1),
        "widest_face_smallest_tiles": round(
            float(np.max(people["share"])) * FACE_OF_HEIGHT / LEAST_FRACTION, 1
        ),
    }


def main() -> None:
    """Measure and keep."""
    names = ("boxes", "images")
    boxes, images = (pd.read_parquet(DATA / f"{name}.parquet") for name in names)
    found = measure(boxes, images) | {"machine": describe()}
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
