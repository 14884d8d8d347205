"""`truckcount.run`: the main job from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import run_paths


def run(
    paths: str | Path | Sequence[str | Path],
    *,
    cameras: str | Path | None = None,
    store: str | Path = "store",
    **options: Any,
) -> RunResult:
    """Count trucks in videos and write the hours to a store.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, folders, globs or stream URLs.
    cameras : path, optional
        ``cameras.toml`` with gates and zones.
    store : path
        Folder of parquet; made where it does not exist.
    **options
        Further fields of ``RunOptions``: ``model``, ``device``, ``sample_fps``...

    Examples
    --------
    >>> result = truckcount.run("video.mp4", store="store")  # doctest: +SKIP
    >>> result.hours  # doctest: +SKIP
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    chosen = RunOptions(
        cameras=None if cameras is None else Path(cameras), store=Path(store), **options
    )
    return run_paths([str(path) for path in several], chosen)
