"""`truckcount.run`: the main job from Python."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from truckcount.domain.credentials import mask_credentials
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.working_copy import is_url, working_copy


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
    store : path or URL
        Folder of parquet; made where it does not exist. A URL such as
        ``s3://bucket/store`` is counted in a local copy, then pushed.
    **options
        Further fields of ``RunOptions``: ``model``, ``device``, ``sample_fps``...

    Examples
    --------
    >>> result = truckcount.run("video.mp4", store="store")  # doctest: +SKIP
    >>> result.hours  # doctest: +SKIP
    """
    several = [paths] if isinstance(paths, str | Path) else paths
    cameras = None if cameras is None else Path(cameras)
    with ExitStack() as stack:
        folder = Path(store)
        if is_url(store):
            folder = stack.enter_context(working_copy(str(store)))
        chosen = RunOptions(cameras=cameras, store=folder, **options)
        result = run_paths([str(path) for path in several], chosen)
    return replace(result, store=mask_credentials(str(store)))
