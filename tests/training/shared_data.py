"""A tiny folder laid out as the shared training data: two sets, one clip."""

import cv2
import numpy as np
import pandas as pd

from tests.conftest import write_clip

SETS = {
    "rf100_toll_id": "CC BY 4.0 (Roboflow)",
    "ela_mixed": "unknown (web mix)",
}
SIZE = (96, 64)


def write_shared_data(folder, n=2):
    """Write ``images``, n pictures a set, and ``clips`` with one to train on."""
    rng = np.random.default_rng(0)
    rows, boxes = [], []
    for name, licence in SETS.items():
        (folder / "images" / name).mkdir(parents=True)
        for k in range(n):
            image = f"{name}/{k}.jpg"
            picture = cv2.GaussianBlur(
                rng.integers(60, 140, (SIZE[1], SIZE[0], 3), np.uint8), (0, 0), 2
            )
            picture[20:44, 30:66] = (40, 40, 220)
            cv2.imwrite(str(folder / "images" / image), picture)
            done = "yes" if name.startswith("rf100") else "main object only"
            rows.append((name, image, f"{name}/g{k}", f"e{k}", done, licence))
            boxes.append((image, "truck", 30, 20, 66, 44))
            boxes.append((image, "bus", 2, 2, 20, 14))
    names = ["set", "image", "group", "event", "boxes_complete", "licence"]
    table = pd.DataFrame(rows, columns=names)
    table = table.assign(repo="someone/cars", commit="abc123", source_path="a/b.jpg")
    table.to_parquet(folder / "images" / "images.parquet")
    columns = ["image", "class", "x1", "y1", "x2", "y2"]
    pd.DataFrame(boxes, columns=columns).to_parquet(folder / "images" / "boxes.parquet")
    _write_clips(folder / "clips")
    return folder


def _write_clips(folder):
    folder.mkdir()
    for name in ("a", "b"):
        write_clip(folder / f"{name}.mp4", 20, fps=10, size=SIZE)
    (folder / "clips.csv").write_text(
        "clip,file,camera,group,role,light,annotated_until_s,licence,repo,path,commit\n"
        "a,a.mp4,a,tfl-625,train,day,1.5,none stated,someone/clips,a.mp4,def456\n"
        "b,b.mp4,b,other,score,day,1.9,MIT License,someone/clips,b.mp4,def456\n"
    )
    (folder / "passages.csv").write_text("clip,onset_s,offset_s,verdict\n")
    (folder / "cameras.toml").write_text(
        "".join(
            f'[cameras.{n}]\n[[cameras.{n}.gates]]\nname = "main"\n'
            "polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]\n"
            for n in "ab"
        )
    )
    columns = ["clip", "t_s", "track", "class", "x1", "y1", "x2", "y2", "score"]
    rows = [("a", 0.2, 1, "car", 0.2, 0.2, 0.4, 0.5, 0.9)]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "train_boxes.parquet")
