"""What a watch does to Prometheus' text, from the first scrape on."""

import math
import threading
import time
from collections.abc import Callable, Iterable

from truckcount.domain.sample import CAUSES
from truckcount.pipeline.result import FileOutcome, RunResult
from truckcount.pipeline.unattended.intake import Waiting
from truckcount.pipeline.unattended.known_cameras import KnownCamera
from truckcount.pipeline.unattended.metrics_output import MetricsFile

US_PER_S = 1_000_000
Labels = tuple[tuple[str, str], ...]

# name: (type, help); counters start at 0 with the process, as Prometheus expects
METRICS = {
    "truckcount_files_total": ("counter", "Files by camera and what became of them."),
    "truckcount_video_seconds_total": ("counter", "Seconds of video counted."),
    "truckcount_frames_total": ("counter", "Frames decoded."),
    "truckcount_samples_total": ("counter", "Frames chosen for the network."),
    "truckcount_views_total": ("counter", "Gate views that the network saw."),
    "truckcount_damaged_packets_total": ("counter", "Packets that could not be read."),
    "truckcount_coverage_seconds_total": ("counter", "Seconds watched, by gate."),
    "truckcount_unusable_seconds_total": (
        "counter",
        "Seconds decoded in vain, by cause; each second has one.",
    ),
    "truckcount_trucks_total": ("counter", "Counted trucks by gate and direction."),
    "truckcount_last_counted_timestamp_seconds": (
        "gauge",
        "End of the newest counted second of a camera, seconds since 1970.",
    ),
    "truckcount_lag_seconds": (
        "gauge",
        "Seconds since then; +Inf of a camera that was never counted.",
    ),
    "truckcount_files_waiting": ("gauge", "Files not counted, by why."),
    "truckcount_folders_missing": ("gauge", "Watched folders that are not there."),
    "truckcount_last_look_timestamp_seconds": ("gauge", "When folders were looked at."),
}
OF_A_CAMERA = (
    "video_seconds_total", "frames_total", "samples_total", "views_total",
    "damaged_packets_total",
)  # fmt: skip


class Metrics:
    """Counts what a watch does; safe to read from another thread.

    Parameters
    ----------
    file : MetricsFile, optional
        Replaced after every look and every batch.
    clock : function to seconds since 1970
    """

    def __init__(
        self,
        file: MetricsFile | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], float] = {}
        self._end_s: dict[str, float | None] = {}

    def know(self, cameras: Iterable[KnownCamera]) -> None:
        """Begin with every camera at 0: one that is silent must not be missing."""
        with self._lock:
            for one in cameras:
                self._begin(one.name)
                for gate, direction in one.gates:
                    labels = ("camera", one.name), ("gate", gate)
                    self._add("coverage_seconds_total", 0, *labels)
                    self._add("trucks_total", 0, *labels, ("direction", direction))
                if one.end_us is not None:
                    self._reach(one.name, one.end_us / US_PER_S)

    def heard(self, result: RunResult) -> None:
        """Take a batch's result."""
        with self._lock:
            for o in result.file_outcomes:
                labels = ("camera", o.camera), ("status", o.status)
                self._add("files_total", 1, *labels)
                if o.camera and o.is_failed:
                    self._begin(o.camera)  # its first file may be its last
                if o.status == "done":
                    self._take_file(o)
            for row in result.passage_rows:
                if row["is_counted"]:
                    names = ("camera", "gate", "direction")
                    self._add("trucks_total", 1, *((n, row[n]) for n in names))
        self._write()

    def looked(self, waiting: Waiting) -> None:
        """Take what a look found."""
        with self._lock:
            for why in ("ready", "growing", "later", "quarantined"):
                n = len(getattr(waiting, why))
                self._set("files_waiting", n, ("why", why))
            self._set("folders_missing", len(waiting.missing))
            self._set("last_look_timestamp_seconds", self._clock())
        self._write()

    def text(self) -> str:
        """Spell all in the text format of Prometheus, lags as of now."""
        with self._lock:
            now_s = self._clock()
            for camera, end_s in self._end_s.items():
                lag_s = math.inf if end_s is None else now_s - end_s
                self._set("lag_seconds", lag_s, ("camera", camera))
            values = sorted(self._values.items())
        lines = []
        for name, (kind, about) in METRICS.items():
            rows = [(labels, v) for (n, labels), v in values if n == name]
            if rows:
                lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
                lines += [f"{name}{_spell(labels)} {_number(v)}" for labels, v in rows]
        return "\n".join(lines) + "\n"

    def _write(self) -> None:
        if self._file is not None:
            self._file.write(self.text())

    def _begin(self, name: str) -> None:
        camera = ("camera", name)
        self._end_s.setdefault(name, None)
        self._add("files_total", 0, camera, ("status", "done"))
        for total in OF_A_CAMERA:
            self._add(total, 0, camera)
        for cause, _ in CAUSES:
            self._add("unusable_seconds_total", 0, camera, ("cause", cause))

    def _take_file(self, outcome: FileOutcome) -> None:
        """Add what a counted file came to."""
        self._begin(outcome.camera)
        camera = ("camera", outcome.camera)
        self._add("video_seconds_total", outcome.duration_s or 0.0, camera)
        self._add("samples_total", outcome.samples or 0, camera)
        self._add("damaged_packets_total", outcome.bad_packets or 0, camera)
        work = outcome.work
        if work is None:
            return
        self._add("frames_total", work.n_frames, camera)
        self._add("views_total", work.n_views, camera)
        for gate, seconds in work.coverage_s.items():
            self._add("coverage_seconds_total", seconds, camera, ("gate", gate))
        for cause, seconds in work.unusable_s.items():
            self._add("unusable_seconds_total", seconds, camera, ("cause", cause))
        self._reach(outcome.camera, work.end_us / US_PER_S)

    def _reach(self, camera: str, end_s: float) -> None:
        """Note that a camera is counted up to here; an older file changes nothing."""
        known_s = self._end_s.get(camera)
        end_s = end_s if known_s is None else max(end_s, known_s)
        self._end_s[camera] = end_s
        self._set("last_counted_timestamp_seconds", end_s, ("camera", camera))

    def _add(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        self._set(name, self._get(name, *labels) + value, *labels)

    def _set(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        self._values[f"truckcount_{name}", labels] = value

    def _get(self, name: str, *labels: tuple[str, str]) -> float:
        return self._values.get((f"truckcount_{name}", labels), 0.0)


def _spell(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels)
    return f"{{{pairs}}}"


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else f"{value:.17g}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
