"""One camera's part of a run: its files, and what became of them."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from truckcount.domain.camera import Camera
from truckcount.domain.passage import Passage
from truckcount.errors import ConfigError, VideoError
from truckcount.pipeline.cameras import CameraBook
from truckcount.pipeline.config import RunOptions, check_pace, counting_options
from truckcount.pipeline.counts.recount import CameraCounts
from truckcount.pipeline.counts.windows import join_windows
from truckcount.pipeline.file_errors import file_error
from truckcount.pipeline.fingerprints import Fingerprints
from truckcount.pipeline.result import FileOutcome
from truckcount.pipeline.segments import failed_outcome
from truckcount.pipeline.speed_plan import SpeedPlan
from truckcount.presence.weights import Weights
from truckcount.video import Source, check_settled, find_sources

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class CameraWork:
    """The files of one camera in one run, and what became of them."""

    camera: Camera
    options: RunOptions
    """Of the run, or as the camera's speed plan changed them."""
    plan: SpeedPlan | None = None
    sources: list[tuple[Source, str]] = field(default_factory=list)
    outcomes: list[FileOutcome] = field(default_factory=list)
    counts: list[CameraCounts] = field(default_factory=list)
    own_ids: set[str] = field(default_factory=set)
    worker_cpu_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What paths hold, each by its camera, before a byte of it is read."""

    sources: tuple[tuple[Source, Camera], ...]
    failed: tuple[FileOutcome, ...]
    """Of paths at which nothing stands."""


def find_offered(
    paths: Sequence[str], book: CameraBook, options: RunOptions
) -> Offered:
    """Find what stands at paths and whose it is.

    Raises
    ------
    ConfigError
        When two cameras match a file, or one ``--start`` is given for several files of
        a camera: they would lie over one another, and all but one be lost.
    """
    found: dict[str, tuple[Source, Camera]] = {}
    failed: list[FileOutcome] = []
    for path in paths:
        try:
            sources = find_sources([path])
        except VideoError as error:
            logger.warning("%s", error)
            failed.append(failed_outcome(str(path), "", error))
            continue
        for source in sources:
            if source.path not in found:
                found[source.path] = (source, book.camera_for(source.path))
    if options.start is not None:
        check_one_start(list(found.values()))
    return Offered(sources=tuple(found.values()), failed=tuple(failed))


def check_one_start(offered: Sequence[tuple[Source, Camera]]) -> None:
    """Refuse ``--start`` for several files of one camera; cameras may share it.

    Raises
    ------
    ConfigError
        Naming two of them.
    """
    first: dict[str, Source] = {}
    for source, camera in offered:
        other = first.setdefault(camera.name, source)
        if other is not source:
            n = sum(one.name == camera.name for _, one in offered)
            msg = (
                f"--start is the time of one file's first frame; {n} files of camera "
                f"{camera.name!r} are given ({other.name}, {source.name}), which would "
                "lie over one another. Run each with its own --start, or write a "
                f'{source.name}.json with {{"start": "..."}} beside each'
            )
            raise ConfigError(msg)


def plan_work(
    offered: Sequence[tuple[Source, Camera]],
    options: RunOptions,
    fingerprints: Fingerprints,
) -> tuple[list[CameraWork], list[FileOutcome]]:
    """Give each file to its camera; one that cannot be read is a failed outcome."""
    work: dict[str, CameraWork] = {}
    failed: list[FileOutcome] = []
    for source, camera in offered:
        try:
            check_settled(source, options.settle_s, time.time())
            digest = fingerprints.of(source)
        except Exception as error:  # noqa: BLE001
            is_plain = isinstance(error, VideoError | OSError)
            plain = error if is_plain else file_error(source.name, error)
            logger.warning("%s", plain)
            failed.append(failed_outcome(source.name, camera.name, plain))
            continue
        place = work.setdefault(camera.name, CameraWork(camera=camera, options=options))
        place.sources.append((source, digest))
    return list(work.values()), failed


def check_paces(work: Sequence[CameraWork], weights: Weights) -> None:
    """Refuse a sample rate that can count nothing, before hours of decoding.

    Raises
    ------
    ConfigError
        Naming the gate.
    """
    for one in work:
        is_film = any(source.kind != "stills" for source, _ in one.sources)
        if one.camera.source_kind == "stills" or not is_film:
            continue
        for gate in one.camera.gates:
            check_pace(
                gate,
                counting_options(gate, weights.header.thresholds),
                one.options.sample_fps,
                has_peaks=weights.has_peaks,
            )


def own_passages(work: CameraWork) -> list[Passage]:
    """Return the passages that begin in this run's files, the newest count of each."""
    windows: list[tuple[int, int]] = []
    found = []
    for counts in reversed(work.counts):
        for passage in counts.passages:
            is_recounted = any(a <= passage.onset_us < b for a, b in windows)
            if not is_recounted and passage.segment_id_onset in work.own_ids:
                found.append(passage)
        windows.extend(counts.windows)
    return sorted(found, key=lambda p: (p.onset_us, p.gate, p.path))


def fold_counts(work: CameraWork) -> None:
    """Make one of all that a run counted; what was counted anew is replaced.

    A run over a month publishes 700 times, and who asks for its trucks after each
    file must not look through all of them.
    """
    if len(work.counts) < 2:
        return
    hours = {
        (row.gate, row.direction, row.bin_start_us): row
        for counts in work.counts
        for row in counts.hours
    }
    work.counts = [
        replace(
            work.counts[-1],
            windows=tuple(
                join_windows([w for counts in work.counts for w in counts.windows])
            ),
            passages=tuple(own_passages(work)),
            hours=tuple(hours.values()),
            won={},
        )
    ]


def fold_work(whole: CameraWork, piece: CameraWork) -> None:
    """Add a later piece of the same camera's work; what it counted anew is replaced.

    One list of passages and hours is kept, however many pieces there are. A piece
    that is folded twice is there once.
    """
    offered = {o.segment_id for o in piece.outcomes}
    whole.outcomes = [o for o in whole.outcomes if o.segment_id not in offered]
    whole.outcomes += piece.outcomes
    whole.own_ids |= piece.own_ids
    whole.worker_cpu_s += piece.worker_cpu_s
    whole.counts = [*whole.counts, *piece.counts]
    fold_counts(whole)
