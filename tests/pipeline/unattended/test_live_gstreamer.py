"""A live camera as GStreamer's RTSP server gives it: killed, stopped, slowed down."""

import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pipeline.red_camera import until
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.unattended.live import LiveStreams
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.video import decode_live

pytestmark = pytest.mark.video
PYTHON = "/usr/bin/python3"  # Debian's, which its GStreamer belongs to
HAS_SERVER = "import gi; gi.require_version('GstRtspServer', '1.0')"
FILM_S, TRUCK_EVERY_S = 90, 6


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    known = shutil.which(PYTHON) and subprocess.run(
        [PYTHON, "-c", HAS_SERVER], capture_output=True, check=False
    )
    if not known or known.returncode:
        pytest.skip("needs Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi")
    trucks = {float(s): 1 for s in range(1, FILM_S, TRUCK_EVERY_S)}
    path = tmp_path_factory.mktemp("film") / "road.mp4"
    return write_traffic(path, trucks, FILM_S)


@pytest.fixture
def site(film, tmp_path, monkeypatch):
    monkeypatch.setattr(decode_live, "OPEN_TIMEOUT_S", 4.0)
    monkeypatch.setattr(decode_live, "READ_TIMEOUT_S", 2.0)
    one = Site(film, tmp_path)
    yield one
    one.close()


class Site:
    """A server, a link to it that may be narrow, and the streams that read it."""

    def __init__(self, film, root):
        self.film = film
        self.store = root / "store"
        self.model = write_red_model(root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.link = Link(self.port)
        self.n_pieces = 0
        self.start_server()
        options = RunOptions(store=self.store, model=self.model)
        url = f"rtsp://127.0.0.1:{self.link.port}/live"
        self.streams = LiveStreams([url], options, 1.0)
        self.streams.start()

    def start_server(self):
        program = [PYTHON, ROOT / "tests" / "video" / "gst_server.py"]
        self.server = subprocess.Popen(
            list(map(str, [*program, self.film, self.port])),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.server.stdout.readline() == "listening\n"

    def publish(self):
        self.n_pieces += sum(1 for _ in self.streams.publish())

    def until_pieces(self, n):
        n += self.n_pieces
        until(lambda: self.n_pieces >= n, self.publish)

    def close(self):
        for _ in self.streams.close():
            pass
        self.server.send_signal(signal.SIGCONT)
        self.server.kill()
        self.server.communicate()
        self.link.close()

    def segments(self):
        store = Store.open(self.store)
        (name,) = store.cameras()
        return store.segments(name)

    def hours(self):
        hours = pd.read_parquet(self.store / "hours")
        return hours.groupby("hour_start_utc")[["coverage_s", "n_trucks"]].agg(
            {"coverage_s": "first", "n_trucks": "sum"}
        )


class Link:
    """A TCP relay on loopback; ``bytes_per_s`` is what it carries to the reader."""

    def __init__(self, port):
        self.bytes_per_s = None
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                reader, _ = self._listening.accept()
                try:
                    camera = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    reader.close()
                    continue
                self._open += [reader, camera]
                # what is under way is the link's: a camera's buffers are small
                camera.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                for a, b, is_down in ((reader, camera, False), (camera, reader, True)):
                    threading.Thread(
                        target=self._carry, args=(a, b, is_down), daemon=True
                    ).start()

    def _carry(self, a, b, is_down):
        with suppress(OSError):
            while data := a.recv(1400):
                if is_down and self.bytes_per_s is not None:
                    time.sleep(len(data) / self.bytes_per_s)
                b.sendall(data)
        for one in (a, b):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def test_hours_fill_and_trucks_are_counted_by_the_camera_s_own_time(site):
    began_s = time.time()
    site.until_pieces(14)
    segments = site.segments()
    assert segments[-1].start_source == "rtcp", "GStreamer sends reports"
    assert began_s - 1 < segments[0].start_us / 1e6 < began_s + 2
    (row,) = site.hours().tail(1).itertuples()
    assert row.n_trucks >= 1
    assert check_store(site.store) == []


def outage(site, caplog, begin, end):
    """Wait for pieces, break something, mend it; return seconds without any."""
    site.until_pieces(2)
    begin()
    broken_s = time.time()
    until(lambda: "connecting again" in caplog.text, site.publish)
    end()
    mended_s = time.time()
    site.until_pieces(2)
    within = [
        s for s in site.segments()
        if s.start_us / 1e6 > broken_s + 1.5 and s.end_us / 1e6 < mended_s
    ]  # fmt: skip
    assert within == [], "no coverage while nothing came"
    covered_s = site.hours()["coverage_s"].sum()
    spans_s = sum(s.end_us - s.start_us for s in site.segments()) / 1e6
    assert 0 < covered_s <= spans_s + 2
    assert check_store(site.store) == []


def test_a_server_that_is_killed_and_started_again_leaves_a_gap(site, caplog):
    def kill():
        site.server.kill()
        site.server.communicate()

    outage(site, caplog, kill, site.start_server)


def test_a_server_that_freezes_leaves_a_gap(site, caplog):
    outage(
        site,
        caplog,
        lambda: site.server.send_signal(signal.SIGSTOP),
        lambda: site.server.send_signal(signal.SIGCONT),
    )
    assert "nothing came for 2 s" in caplog.text


def test_a_link_that_is_too_slow_is_given_up_and_found_again(site, caplog):
    def narrow():
        site.link.bytes_per_s = 8_000  # a fifth of what it sends

    def widen():
        site.link.bytes_per_s = None

    outage(site, caplog, narrow, widen)
