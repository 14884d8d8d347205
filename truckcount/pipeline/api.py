"""`truckcount.run`: the main job from Python."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from truckcount.domain.credentials import mask_credentials
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.executors import check_not_starting
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.unattended.run_live import check_live, run_live
from truckcount.pipeline.working_copy import is_url, working_copy
from truckcount.video import is_live_url


def run(
    paths: str | Path | Sequence[str | Path],
    *,
    cameras: str | Path | None = None,
    store: str | Path = "store",
    live_s: float | None = None,
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
    live_s : float, optional
        How long to read live cameras (rtsp, rtmp, srt, udp, tcp), s. They have no end,
        so it must be given for them and for nothing else; ``truckcount run`` and
        ``truckcount watch`` read them until they are stopped.
    **options
        Further fields of ``RunOptions``: ``model``, ``device``, ``sample_fps``... With
        ``jobs=2`` a script must call it under ``if __name__ == "__main__":``, for
        worker processes import the script.

    Returns
    -------
    RunResult
        ``hours`` and ``passages`` as pandas frames, ``file_outcomes``, ``exit_code``.
        Of live cameras one outcome a piece, dated as frames came: what was not seen
        is no coverage. A camera that gave nothing is a failed outcome. An interrupt
        (Ctrl-C, a notebook's stop button) ends them early, publishes what they had
        begun and is no error: ``is_interrupted``.

    Raises
    ------
    ConfigError, ModelError, StoreError
        When nothing can be done at all: among others a live camera without ``live_s``.

    Examples
    --------
    >>> result = truckcount.run("video.mp4", store="store")  # doctest: +SKIP
    >>> result.hours  # doctest: +SKIP
    >>> url = "rtsp://user:password@10.0.0.7/live"
    >>> truckcount.run(url, live_s=600).passages  # doctest: +SKIP
    """
    check_not_starting()
    if not str(store):
        raise ConfigError("store='' is an empty path; write '.' for the working folder")
    several = [str(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    _check_live_s(several, live_s)
    check_live(several, start=options.get("start"), store=store)
    cameras = None if cameras is None else Path(cameras)
    with ExitStack() as stack:
        folder = Path(store)
        if is_url(store):
            folder = stack.enter_context(working_copy(str(store))).root
        chosen = RunOptions(cameras=cameras, store=folder, **options)
        result = run_live(several, chosen, live_s=live_s)
    return replace(result, store=mask_credentials(str(store)))


def _check_live_s(paths: Sequence[str], live_s: float | None) -> None:
    """Refuse a call that would never return, and an end for what has its own."""
    live = next((path for path in paths if is_live_url(path)), None)
    if live is not None and live_s is None:
        msg = (
            f"{mask_credentials(live)} is a live camera and has no end: say for how "
            "long with live_s=600 (seconds), or use `truckcount run` or `watch`"
        )
        raise ConfigError(msg)
    if live is None and live_s is not None:
        msg = "live_s is for live cameras: files are read to their end"
        raise ConfigError(msg)
    if live_s is not None and not 0 < live_s < math.inf:
        msg = f"live_s={live_s} must be seconds above 0"
        raise ConfigError(msg)
