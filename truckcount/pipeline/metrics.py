"""What a watch does to Prometheus' text: a file to collect, or a page to scrape."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from truckcount.pipeline.intake import Waiting
from truckcount.pipeline.result import RunResult

Labels = tuple[tuple[str, str], ...]

# name: (type, help); counters start at 0 with the process, as Prometheus expects
METRICS = {
    "truckcount_files_total": ("counter", "Files by camera and what became of them."),
    "truckcount_video_seconds_total": ("counter", "Seconds of video counted."),
    "truckcount_samples_total": ("counter", "Pictures that the network saw."),
    "truckcount_damaged_packets_total": ("counter", "Packets that could not be read."),
    "truckcount_unusable_seconds_total": ("counter", "Seconds watched in vain."),
    "truckcount_trucks_total": ("counter", "Counted trucks by gate and direction."),
    "truckcount_last_counted_timestamp_seconds": (
        "gauge",
        "End of the last counted file of a camera, seconds since 1970.",
    ),
    "truckcount_files_waiting": ("gauge", "Files not counted, by why."),
    "truckcount_folders_missing": ("gauge", "Watched folders that are not there."),
    "truckcount_last_look_timestamp_seconds": ("gauge", "When folders were looked at."),
}


class Metrics:
    """Counts what a watch does; safe to read from another thread.

    Parameters
    ----------
    path : Path, optional
        File to replace after every look; ``*.prom`` in node_exporter's folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._values: dict[tuple[str, Labels], float] = {}

    def heard(self, result: RunResult) -> None:
        """Take a batch's result."""
        with self._lock:
            for o in result.file_outcomes:
                camera = ("camera", o.camera)
                self._add("files_total", 1, camera, ("status", o.status))
                if o.status != "done":
                    continue
                self._add("video_seconds_total", o.duration_s or 0.0, camera)
                self._add("samples_total", o.samples or 0, camera)
                self._add("damaged_packets_total", o.bad_packets or 0, camera)
                self._add("unusable_seconds_total", o.unusable_s or 0.0, camera)
                if o.start_utc is not None:
                    end_s = _seconds(o.start_utc) + (o.duration_s or 0.0)
                    key = "last_counted_timestamp_seconds"
                    self._set(key, max(end_s, self._get(key, camera)), camera)
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
            self._set("last_look_timestamp_seconds", time.time())
        self._write()

    def text(self) -> str:
        """Spell all in the text format of Prometheus."""
        with self._lock:
            values = sorted(self._values.items())
        lines = []
        for name, (kind, about) in METRICS.items():
            rows = [(labels, v) for (n, labels), v in values if n == name]
            if rows:
                lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
                lines += [f"{name}{_spell(labels)} {v:.17g}" for labels, v in rows]
        return "\n".join(lines) + "\n"

    def _write(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        draft.write_text(self.text(), encoding="utf-8")
        draft.replace(self._path)  # a collector never reads half a file

    def _add(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        self._set(name, self._get(name, *labels) + value, *labels)

    def _set(self, name: str, value: float, *labels: tuple[str, str]) -> None:
        self._values[f"truckcount_{name}", labels] = value

    def _get(self, name: str, *labels: tuple[str, str]) -> float:
        return self._values.get((f"truckcount_{name}", labels), 0.0)


@contextmanager
def serve_metrics(metrics: Metrics, port: int) -> Iterator[str]:
    """Serve metrics to this machine; yield the address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.text().encode()
            is_there = self.path in {"/metrics", "/"}
            self.send_response(200 if is_there else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body if is_there else b"see /metrics\n")

        def log_message(self, *_: object) -> None:
            """Say nothing of every scrape."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()


def _spell(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels)
    return f"{{{pairs}}}"


def _seconds(iso_utc: str) -> float:
    return datetime.fromisoformat(iso_utc).timestamp()


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
