"""A folder of annotated clips, counted by the product and scored."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from truckcount.errors import LabelError
from truckcount.evaluation.clips import ClipScores, score_clips
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

if TYPE_CHECKING:
    from truckcount.pipeline.result import RunListener

CLOCK_START = "2000-01-01T00:00:00+00:00"  # clips need no start time of their own


def evaluate_clips(
    folder: Path,
    *,
    role: str | None = None,
    model: str = "truckmap",
    store: Path | None = None,
    sample_fps: float = 5.0,
    jobs: int = 1,
    listener: "RunListener | None" = None,
) -> ClipScores:
    """Count and score every clip of a folder laid out as ``data.md`` says.

    Parameters
    ----------
    store : Path, optional
        Keep the counted store here; by default it goes when the scores are out.
    """
    truths = read_truth(folder, role)
    with tempfile.TemporaryDirectory() as scratch:
        options = RunOptions(
            store=store if store is not None else Path(scratch) / "store",
            cameras=folder / "cameras.toml",
            start=CLOCK_START,
            model=model,
            sample_fps=sample_fps,
            jobs=jobs,
        )
        _check_cameras(truths, options)
        result = run_paths([str(t.file) for t in truths], options, listener)
    failed = [o for o in result.file_outcomes if o.is_failed]
    if failed:
        msg = f"{failed[0].path} could not be counted: {failed[0].error}"
        raise LabelError(msg)
    return score_clips(truths, stays_by_clip(truths, result.passage_rows))


def check_clips(folder: Path, role: str | None = None) -> None:
    """Refuse now what counting would refuse after hours of training.

    Raises
    ------
    LabelError
        When the folder holds no clips of the role, a film is missing, or a clip's
        camera has several gates: thresholds are chosen gate by gate, and
        ``passages.csv`` does not say which gate a truck passed.
    ConfigError
        When its cameras cannot be read.
    """
    truths = read_truth(folder, role)
    missing = [truth.file for truth in truths if not truth.file.is_file()]
    if missing:
        msg = f"{missing[0]} does not exist; clips.csv of {folder} names it"
        raise LabelError(msg)
    cameras = folder / "cameras.toml"
    options = RunOptions(store=folder / "store", cameras=cameras)
    _check_cameras(truths, options)
    book = open_book(options)
    for truth in truths:
        camera = book.camera_for(str(truth.file))
        if len(camera.gates) > 1:
            msg = (
                f"clip {truth.clip!r} is of camera {camera.name!r}, which has "
                f"{len(camera.gates)} gates in {cameras}: thresholds are chosen on "
                "clips of one gate each; leave one gate there, or leave the clip out"
            )
            raise LabelError(msg)


def stays_by_clip(
    truths: list[ClipTruth], rows: tuple[dict[str, object], ...]
) -> dict[str, list[Stay]]:
    """Return the counted passages of each clip, seconds from its first frame."""
    from datetime import datetime

    start = datetime.fromisoformat(CLOCK_START)
    clip_of = {str(t.file): t.clip for t in truths}
    stays: dict[str, list[Stay]] = {}
    for row in rows:
        if not row["is_counted"]:
            continue
        onset = datetime.fromisoformat(str(row["onset_utc"]))
        offset = datetime.fromisoformat(str(row["offset_utc"] or row["onset_utc"]))
        stays.setdefault(clip_of[str(row["file"])], []).append(
            Stay(
                onset_s=(onset - start).total_seconds(),
                offset_s=(offset - start).total_seconds(),
                direction=str(row["direction"]),
            )
        )
    return stays


def _check_cameras(truths: list[ClipTruth], options: RunOptions) -> None:
    """Refuse two clips of one camera: both begin at once, so one would hide one."""
    book = open_book(options)
    clip_of: dict[str, str] = {}
    for truth in truths:
        camera = book.camera_for(str(truth.file)).name
        other = clip_of.setdefault(camera, truth.clip)
        if other != truth.clip:
            msg = (
                f"clips {other!r} and {truth.clip!r} are both of camera {camera!r}; "
                f"give each a camera of its own in {options.cameras}"
            )
            raise LabelError(msg)
