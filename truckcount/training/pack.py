"""Pools of labelled pictures to one archive that training can start from, and back.

A zip without compression of its own: WebP pictures scaled to what training views
show, one parquet of pictures, one of boxes, and a licence table. The same pools give
the same bytes.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.training.label_set import LabelledPicture
from truckcount.training.pools import Pools, count_licences

if TYPE_CHECKING:
    import pandas as pd

PACK_VERSION = 1
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every entry: a pack's bytes tell its content alone
BOX_COLUMNS = ("x1", "y1", "x2", "y2")
NOTICE = (
    "As stated by each source. Pictures belong to their owners: this archive is for "
    "training on machines of those who may use them, not for publication."
)
LICENCES_FILE = "LICENCES.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """How small pictures become."""

    max_side_px: int = 640
    """Training views are 320 px wide and show trucks up to 115 px high: a larger
    picture is scaled down when it is drawn anyway."""
    quality: int = 80
    """Of WebP, 1 to 100."""

    def __post_init__(self) -> None:
        if self.max_side_px < 64 or not 1 <= self.quality <= 100:
            msg = (
                "want max_side_px >= 64 and quality 1 to 100, got "
                f"{self.max_side_px} and {self.quality}"
            )
            raise LabelError(msg)


def write_pack(
    path: Path,
    pools: Mapping[str, list[LabelledPicture]],
    options: PackOptions | None = None,
    advance: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write a pack that is there whole or not at all.

    Parameters
    ----------
    advance : callable, optional
        Told the number of pictures done, one by one.

    Returns
    -------
    dict
        What ``pack.json`` says: version, pictures by pool, options.
    """
    options = PackOptions() if options is None else options
    facts = {
        "version": PACK_VERSION,
        "pictures": {name: len(pool) for name, pool in pools.items()},
        "options": asdict(options),
    }
    draft = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    boxes: list[tuple[int, int, npt.NDArray[np.float32]]] = []
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, pool in pools.items():
            for picture in pool:
                k = len(rows)
                small, scale = _shrink(picture.image, options.max_side_px)
                _put(archive, _place(k), _encode(small, options.quality, picture.name))
                rows.append(_row(name, picture, scale))
                boxes += [
                    (k, int(c), b * scale)
                    for b, c in zip(picture.boxes, picture.classes, strict=True)
                ]
                if advance is not None:
                    advance(1)
        _put(archive, "pictures.parquet", _parquet(_picture_table(rows)))
        _put(archive, "boxes.parquet", _parquet(_box_table(boxes)))
        _put(archive, LICENCES_FILE, licence_page(pools).encode())
        _put(archive, "pack.json", json.dumps(facts, indent=1).encode())
    draft.replace(path)
    return facts


def read_pack(path: Path) -> Pools:
    """Read a pack's pools, in the order and under the names they were packed.

    Raises
    ------
    LabelError
        When the file is no pack, or a newer truckcount wrote it.
    """
    import pandas as pd

    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read("pack.json"))
            if facts["version"] > PACK_VERSION:
                msg = (
                    f"{path} has version {facts['version']}; this truckcount reads "
                    f"{PACK_VERSION}: install a newer one"
                )
                raise LabelError(msg)
            pictures = pd.read_parquet(io.BytesIO(archive.read("pictures.parquet")))
            boxes = pd.read_parquet(io.BytesIO(archive.read("boxes.parquet")))
            corners = boxes[list(BOX_COLUMNS)].to_numpy(np.float32)
            classes = boxes["class_id"].to_numpy(np.int64)
            ends = np.searchsorted(
                boxes["picture"].to_numpy(), np.arange(len(pictures) + 1)
            )
            pools: Pools = {name: [] for name in facts["pictures"]}
            for k, row in enumerate(pictures.itertuples()):
                mine = slice(int(ends[k]), int(ends[k + 1]))
                pools[str(row.pool)].append(
                    _picture(
                        row, _decode(archive.read(_place(k)), f"{path}/{row.name}"),
                        corners[mine], classes[mine],
                    )
                )  # fmt: skip
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        msg = (
            f"{path} is no pack of training data ({error}); make one with "
            "`python pipelines/train/pack_data.py`"
        )
        raise LabelError(msg) from error
    return pools


def licence_page(pools: Mapping[str, list[LabelledPicture]]) -> str:
    """Tell what came from where under which licence, as the sources state it."""
    lines = [
        "# Sources and licences",
        "",
        NOTICE,
        "",
        "| set | pictures | licence | repositories |",
        "| --- | --- | --- | --- |",
    ]
    for name, counts in count_licences(pools).items():
        for licence, n in sorted(counts.items()):
            origins = sorted(
                {p.source.split(":")[0] for p in pools[name] if p.licence == licence}
            )
            told = ", ".join(origins) or "-"
            lines.append(f"| {name} | {n} | {licence or 'none stated'} | {told} |")
    return "\n".join(lines) + "\n"


def _row(pool: str, picture: LabelledPicture, scale: float) -> dict[str, Any]:
    trusted = picture.trusted
    return {
        "pool": pool,
        "name": picture.name,
        "group": picture.group,
        "weight": picture.weight,
        "licence": picture.licence,
        "source": picture.source,
        "scale": scale,
        "trusted": None if trusted is None else (trusted * scale).reshape(-1).tolist(),
    }


def _picture(
    row: Any,
    image: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
) -> LabelledPicture:
    trusted = row.trusted
    return LabelledPicture(
        image=image,
        boxes=boxes,
        classes=classes,
        group=str(row.group),
        trusted=(
            None if trusted is None else np.asarray(trusted, np.float32).reshape(-1, 2)
        ),
        weight=float(row.weight),
        name=str(row.name),
        licence=str(row.licence),
        source=str(row.source),
    )


def _shrink(
    image: npt.NDArray[np.uint8], max_side_px: int
) -> tuple[npt.NDArray[np.uint8], float]:
    height, width = image.shape[:2]
    scale = min(1.0, max_side_px / max(height, width))
    if scale == 1.0:
        return image, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), scale


def _encode(image: npt.NDArray[np.uint8], quality: int, name: str) -> bytes:
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    ok, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not ok:
        msg = f"{name}: a picture of shape {image.shape} cannot be written as WebP"
        raise LabelError(msg)
    return bytes(data.tobytes())


def _decode(data: bytes, where: str) -> npt.NDArray[np.uint8]:
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        msg = f"{where} cannot be read as a picture; the pack is damaged"
        raise LabelError(msg)
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)


def _place(k: int) -> str:
    return f"pictures/{k:06d}.webp"


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, MOMENT), data)


def _picture_table(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    names = (
        "pool", "name", "group", "weight", "licence", "source", "scale", "trusted",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=list(names))


def _box_table(
    boxes: list[tuple[int, int, npt.NDArray[np.float32]]],
) -> "pd.DataFrame":
    import pandas as pd

    corners = np.array([b for *_, b in boxes], np.float32).reshape(-1, 4)
    return pd.DataFrame(
        {
            "picture": np.array([k for k, *_ in boxes], np.int32),
            "class_id": np.array([c for _, c, _ in boxes], np.int8),
            **{name: corners[:, i] for i, name in enumerate(BOX_COLUMNS)},
        }
    )


def _parquet(table: "pd.DataFrame") -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
