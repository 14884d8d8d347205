"""Live cameras to segments that close every few minutes: one thread a camera."""

import hashlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from truckcount.domain.camera import Camera
from truckcount.domain.segment import CLOCK_SD_S, SegmentReport, StartTime
from truckcount.errors import AccessDeniedError, TruckcountError, VideoError
from truckcount.pipeline.camera_work import CameraWork
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.kept_gates import check_kept_gates
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import publish_scored
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.pipeline.url_cameras import check_urls
from truckcount.presence.devices import open_runtime
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Runtime
from truckcount.presence.views import plan_run_views
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import Store
from truckcount.video import Source
from truckcount.video.decode_live import LiveFrame, read_live

logger = logging.getLogger(__name__)

SEGMENT_S = 300.0  # hours are five minutes old at most
MIN_BACKOFF_S, MAX_BACKOFF_S = 0.1, 15.0
BACKOFF_SHARE = 0.005  # of how long a camera has been away; a key frame missed costs
# a whole group of pictures, so short pauses pay: a refused try costs a millisecond
MIN_DENIED_S, MAX_DENIED_S = 15.0, 900.0  # many cameras lock out who tries too often
FIRST_QUIET_S = 60.0  # between two lines about a camera that is away; then doubled
CALM_S = 2.0  # a connection that held so long is begun anew at once
STOP_S = 15.0  # a read that waits for a silent camera ends before

Piece = tuple[ScoreTask, ScoredFile]


class LiveStreams:
    """Reads live cameras from start to close; scored pieces wait to be published.

    Parameters
    ----------
    urls : sequence of str
    segment_s : float
        Pieces end on multiples of it on the clock, or where a connection breaks.
    whole : dict of str to CameraWork, optional
        Takes up the work of each camera, for a result over all pieces.
    """

    def __init__(
        self,
        urls: Sequence[str],
        options: RunOptions,
        segment_s: float = SEGMENT_S,
        whole: dict[str, CameraWork] | None = None,
    ) -> None:
        urls = list(dict.fromkeys(urls))  # one thread a camera
        if options.speed == "fastest":  # its hash would be that of no scores
            options = replace(options, speed="exact")
            if urls:
                logger.warning(
                    "--speed fastest calibrates on files: live cameras are read as by "
                    "exact"
                )
        self._options = options
        self._whole = whole
        check_urls(options, urls)
        self._weights = find_weights(options.model)
        self._pieces: queue.Queue[Piece] = queue.Queue()
        self._stopped = threading.Event()
        book = open_book(options, urls)
        self._begun = {url: book.camera_for(url) for url in urls}
        self._edited_ns = self._read_ns()
        if Store.is_at(options.store):
            theirs = list(self._begun.items())
            check_kept_gates(Store.open(options.store), options, theirs)
        runtime = (
            open_runtime(self._weights, options.device, precision=options.precision)
            if urls
            else None
        )
        self._threads = [
            threading.Thread(target=camera.run, name=camera.name, daemon=True)
            for url in urls
            if runtime is not None
            for camera in [
                _LiveCamera(
                    Source(path=url, kind="url"),
                    book.camera_for(url),
                    options,
                    self._weights,
                    runtime,
                    round(segment_s * 1e6),
                    self._pieces.put,
                    self._stopped,
                )
            ]
        ]

    def start(self) -> None:
        """Begin to read; whoever starts closes, so that nothing begun is lost."""
        for thread in self._threads:
            thread.start()

    def publish(self) -> Iterator[RunResult]:
        """Publish what is scored by now, piece by piece."""
        self._say_edited()
        while True:
            try:
                piece = self._pieces.get_nowait()
            except queue.Empty:
                return
            try:
                result = publish_scored(
                    *piece, self._weights, self._options, self._whole
                )
            except BaseException:
                self._pieces.put(piece)  # a full disk: the piece waits
                raise
            yield result

    def close(self) -> Iterator[RunResult]:
        """Stop reading; publish what the cameras had begun."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:  # an interrupt may come before all have begun
                thread.join(STOP_S)
        yield from self.publish()

    def _read_ns(self) -> int:
        """Return when the cameras' file was last written; 0 where there is none."""
        path = self._options.cameras
        with suppress(OSError):
            return 0 if path is None else path.stat().st_mtime_ns
        return 0

    def _say_edited(self) -> None:
        """Say which cameras are read as they were before their file was edited."""
        edited_ns = self._read_ns()
        if edited_ns == self._edited_ns or self._options.gate is not None:
            return  # a gate in pixels would be measured on a picture
        self._edited_ns = edited_ns
        try:
            book = open_book(self._options, list(self._begun))
            old = [k for k, c in self._begun.items() if book.camera_for(k) != c]
        except TruckcountError as error:
            logger.warning("%s; live cameras go on as before", error)
            return
        for url in old:
            logger.warning(
                "%s: %s says otherwise now: a live camera takes that up when it is "
                "started again; until then it is counted as before",
                self._begun[url].name,
                self._options.cameras,
            )


def choose_backoff_s(away_s: float, *, is_denied: bool = False) -> float:
    """Return how long to wait before the next try to reach a camera.

    Parameters
    ----------
    is_denied : bool
        The camera is there and refuses user or password: seven tries in 16 minutes,
        then four an hour.

    Examples
    --------
    >>> [choose_backoff_s(away_s) for away_s in (0, 10, 100, 3600)]
    [0.1, 0.1, 0.5, 15.0]
    >>> [choose_backoff_s(away_s, is_denied=True) for away_s in (0, 60, 3600)]
    [15.0, 60, 900.0]
    """
    if is_denied:
        return min(max(away_s, MIN_DENIED_S), MAX_DENIED_S)
    return min(max(BACKOFF_SHARE * away_s, MIN_BACKOFF_S), MAX_BACKOFF_S)


def _spell_away(away_s: float) -> str:
    return f" (away for {away_s:.0f} s)" if away_s >= 1 else ""


@dataclass(slots=True)
class _LiveCamera:
    """One camera: connects, cuts, connects again."""

    source: Source
    camera: Camera
    options: RunOptions
    weights: Weights
    runtime: Runtime
    segment_us: int
    give: Callable[[Piece], None]
    stopped: threading.Event

    @property
    def name(self) -> str:
        return self.camera.name

    def run(self) -> None:
        """Read until stopped; a broken connection costs only its time."""
        seen_s = time.monotonic()
        quiet_s = 0.0
        while not self.stopped.is_set():
            began_s = time.monotonic()
            is_seen = is_denied = False
            try:
                for piece in self._pieces():
                    self.give(piece)
                    is_seen = True
            except VideoError as error:
                trouble: object = error
                is_denied = isinstance(error, AccessDeniedError)
            except Exception:
                logger.exception("%s: unexpected", self.source.name)
                trouble = self.source.name
            else:
                return  # stopped
            now_s = time.monotonic()
            if is_seen:
                seen_s, quiet_s = now_s, 0.0
            away_s = now_s - seen_s
            is_calm = is_seen and now_s - began_s > CALM_S
            pause_s = 0.0
            if not is_calm:
                pause_s = choose_backoff_s(away_s, is_denied=is_denied)
            if away_s >= quiet_s:  # at first, and then ever more rarely
                logger.warning("%s; connecting again%s", trouble, _spell_away(away_s))
                quiet_s = max(FIRST_QUIET_S, 2 * away_s)
            self.stopped.wait(pause_s)

    def _pieces(self) -> Iterator[Piece]:
        """Cut one connection into scored pieces; the last ends where it breaks."""
        cutter: _Cutter | None = None
        broken: VideoError | None = None
        frames = read_live(
            self.source,
            lambda size: plan_run_views(self.weights.header, self.camera.gates, size),
            sample_fps=self.options.sample_fps,
            max_pixels=self.options.max_pixels,
        )
        with closing(frames):  # type: ignore[type-var]
            try:
                for frame in frames:
                    # one piece has one size: its views are planned for that
                    key = frame.t_us // self.segment_us, frame.size
                    if cutter is not None and cutter.key != key:
                        yield from cutter.finish()
                        cutter = None
                    if cutter is None:
                        cutter = _Cutter(self, frame, key)
                    cutter.process(frame)
                    if self.stopped.is_set():
                        break
            except VideoError as error:
                broken = error
        if cutter is not None:
            yield from cutter.finish()
        if broken is not None:
            raise broken


class _Cutter:
    """One piece while it grows."""

    def __init__(
        self, live: _LiveCamera, first: LiveFrame, key: tuple[int, tuple[int, int]]
    ) -> None:
        self.key = key
        self._live = live
        self._first = self._last = first
        self._n_frames = self._n_samples = self._n_bad = 0
        text = f"{live.source.name} {first.t_us}"
        self._id = hashlib.sha256(text.encode()).hexdigest()[:16]
        rects = plan_run_views(live.weights.header, live.camera.gates, first.size)
        self._scorer = ClipScorer(
            live.runtime,
            live.camera.gates,
            rects,
            self._id,
            is_gated=live.options.speed == "fast",
        )

    def process(self, frame: LiveFrame) -> None:
        """Take a frame."""
        self._last = frame
        self._n_frames += 1
        self._n_bad += frame.n_bad
        if frame.sample is not None:
            self._n_samples += 1
            self._scorer.process(frame.sample)

    def finish(self) -> Iterator[Piece]:
        """Yield the piece, if it holds a sample."""
        if self._n_samples == 0:
            return
        start_us, end_us = self._first.t_us, self._last.t_us + self._last.frame_us
        duration_s = (end_us - start_us) / 1e6
        report = SegmentReport(
            duration_s=duration_s,
            n_frames_decoded=self._n_frames,
            n_samples=self._n_samples,
            n_bad_packets=self._n_bad,
            width=self._first.size[0],
            height=self._first.size[1],
            codec=self._first.codec,
            fps_nominal=self._n_frames / duration_s,
            is_vfr=True,
            is_truncated=False,
            start_us=start_us,
            end_us=end_us,
            seconds_decode=0.0,
        )
        task = ScoreTask(
            source=self._live.source,
            camera=self._live.camera,
            segment_id=self._id,
            options=self._live.options,
        )
        clock = "rtcp" if self._first.is_sender_time else "arrival"
        start = StartTime(
            start_us=start_us, source=clock, quality="exact", sd_s=CLOCK_SD_S[clock]
        )
        scores = self._scorer.finish()
        yield (
            task,
            ScoredFile(
                scores=scores,
                report=report,
                start=start,
                n_views=self._scorer.n_views,
            ),
        )
