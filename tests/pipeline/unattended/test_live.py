"""A live camera on loopback, over real RTSP: cut, silenced, slowed."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tests.pipeline.red_box import BOX_PX, SIZE, write_red_model
from tests.pipeline.red_camera import FPS, open_camera, red_units, until
from tests.video.rtsp_server import encode_film, red_film
from truckcount.domain.scores import PEAK_UNIT
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.unattended import live
from truckcount.pipeline.unattended.live import LiveStreams, choose_backoff_s
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.scores_table import ScoresReader
from truckcount.video import decode_live

pytestmark = pytest.mark.video


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """Read a camera in pieces of so many seconds."""
    monkeypatch.setattr(decode_live, "OPEN_TIMEOUT_S", 4.0)
    monkeypatch.setattr(decode_live, "READ_TIMEOUT_S", 2.0)
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    scenes = []

    def start(segment_s, bins=60, cameras=None, camera=None, speed="exact", **told):
        chosen = replace(
            options, bins=bins, cameras=cameras, camera=camera, speed=speed
        )
        scenes.append(Scene(open_camera(**told), chosen, segment_s))
        return scenes[0]

    yield start
    for scene in scenes:
        scene.close()
        scene.camera.close()


class Scene:
    """A camera and the streams that read it."""

    def __init__(self, camera, options, segment_s):
        self.camera, self.options = camera, options
        self.outcomes = []
        self.start(options, segment_s)

    def start(self, options, segment_s):
        self.streams = LiveStreams([self.camera.url], options, segment_s)
        self.streams.start()

    def close(self):
        self.outcomes += [o for r in self.streams.close() for o in r.file_outcomes]

    def until(self, condition):
        until(condition, self.publish)

    def publish(self):
        for result in self.streams.publish():
            self.outcomes += result.file_outcomes

    def until_pieces(self, n):
        """Wait for n more pieces."""
        n += len(self.outcomes)
        self.until(lambda: len(self.outcomes) >= n)

    def segments(self):
        store = Store.open(self.options.store)
        (name,) = store.cameras()
        return store.segments(name)

    def spans(self):
        return [(r.start_us / 1e6, r.end_us / 1e6) for r in self.segments()]

    def check_coverage(self):
        """What was watched is what was sent, at most: no gap is filled."""
        spans = self.spans()
        hours = pd.read_parquet(self.options.store / "hours")
        covered_s = hours.groupby("hour_start_utc")["coverage_s"].first().sum()
        # counting bridges what is shorter than two seconds, as between files
        slack_s = 1 + 2 * sum(c - b > 0.2 for (_, b), (c, _) in pairwise(spans))
        assert 0 < covered_s <= self.camera.n_sent / FPS + slack_s
        assert covered_s <= sum(b - a for a, b in spans) + slack_s
        assert check_store(self.options.store) == []


def test_hours_fill_while_the_camera_runs(watch):
    before_s = time.time()
    scene = watch(1.0)
    scene.until_pieces(4)
    assert all(o.status == "done" for o in scene.outcomes)
    assert all("secret" not in o.path for o in scene.outcomes)
    for start_s, end_s in scene.spans():
        assert before_s - 2 < start_s < end_s < time.time() + 1
        assert end_s - start_s < 1.3, "cut every second"
    scene.check_coverage()


def test_a_live_camera_is_read_exactly_where_fastest_is_asked_for(watch, caplog):
    scene = watch(1.0, speed="fastest")
    scene.until_pieces(1)
    assert "live cameras are read as by exact" in caplog.text
    exact = replace(scene.options, speed="exact")
    camera = open_book(exact).camera_for(scene.camera.url)
    digest = scoring_hash(camera, find_weights(exact.model).model_id, exact)
    assert {record.config_hash for record in scene.segments()} == {digest}


def test_live_pieces_keep_the_bins_that_the_camera_has(watch):
    scene = watch(5.0, bins=5)  # a publish must be faster than a piece is long
    scene.until_pieces(1)
    scene.close()
    n = len(scene.outcomes)
    plain = replace(scene.options, bins=60)
    scene.start(plain, 5.0)
    scene.until_pieces(1)
    scene.close()
    assert len(scene.outcomes) > n
    bins = pd.read_parquet(scene.options.store / "bins_05")
    hours = pd.read_parquet(scene.options.store / "hours")
    assert bins["n_samples"].sum() == hours["n_samples"].sum()
    assert check_store(scene.options.store) == []


def test_a_cut_is_a_gap_and_not_the_end(watch, caplog):
    scene = watch(1.0)
    scene.until_pieces(1)
    scene.camera.cut()
    scene.until(lambda: "connecting again" in caplog.text)
    n = scene.camera.n_connections
    scene.camera.mend()
    scene.until_pieces(2)
    assert scene.camera.n_connections > n
    assert "secret" not in caplog.text
    scene.check_coverage()


def test_a_camera_that_falls_silent_is_left_and_found_again(watch, caplog):
    scene = watch(1.0)
    scene.until_pieces(1)
    scene.camera.is_silent = True
    scene.until(lambda: "connecting again" in caplog.text)
    assert "nothing came for 2 s" in caplog.text
    scene.camera.is_silent = False
    scene.until_pieces(2)
    scene.check_coverage()


def test_a_stream_that_slows_down_falls_behind_and_is_begun_anew(watch, caplog):
    scene = watch(1.0)
    scene.until_pieces(1)
    scene.camera.delay_s = 0.5  # a fifth of what the camera sees gets through
    scene.until(lambda: "fell behind" in caplog.text)
    scene.camera.delay_s = 0.0
    scene.until_pieces(1)
    scene.check_coverage()


def test_what_came_while_the_link_was_too_slow_is_dated_when_it_has_caught_up(watch):
    scene = watch(60.0, delay_s=0.5)  # from the connection on
    scene.until(lambda: scene.camera.n_sent >= 4)
    scene.camera.delay_s = 0.0
    scene.until(lambda: len(scene.camera.shown) > 5 * FPS)
    scene.close()
    first_s = scene.camera.taken_s(min(scene.camera.shown))
    late_s = scene.spans()[0][0] - first_s
    assert 0 <= late_s < 0.7, "1.3 s and more if dated by what came first"
    scene.check_coverage()


def test_what_came_before_a_slow_stream_broke_off_is_kept(watch, caplog):
    scene = watch(60.0, delay_s=0.3)
    scene.until(lambda: len(scene.camera.shown) >= 5)
    scene.camera.cut()
    scene.until_pieces(1)
    ((start_s, end_s),) = scene.spans()
    seen_s = [scene.camera.taken_s(k) for k in sorted(scene.camera.shown)]
    assert seen_s[0] <= start_s < end_s
    assert end_s - start_s <= len(seen_s) / FPS + 0.1
    assert "connecting again" in caplog.text


def test_a_link_that_never_kept_up_is_dated_by_what_it_carries(watch):
    scene = watch(60.0, bytes_per_s=8000)  # a quarter of what the camera sends
    scene.until(lambda: len(scene.camera.shown) >= 10)
    scene.camera.cut()
    scene.until_pieces(1)
    ((start_s, end_s),) = scene.spans()
    seen_s = [scene.camera.taken_s(k) for k in sorted(scene.camera.shown)]
    assert seen_s[0] - 0.1 <= start_s <= seen_s[0] + 0.4, "0.9 s late by its arrival"
    assert end_s - start_s <= len(seen_s) / FPS + 0.1


def test_a_camera_that_tells_its_time_dates_its_frames(watch):
    scene = watch(1.0, clock_error_s=3.0)
    scene.until_pieces(2)
    assert {r.start_source for r in scene.segments()} == {"rtcp"}
    for start_s, _ in scene.spans():  # to the frame, however long it was under way
        k = (start_s - 3.0 - scene.camera.taken_s(0)) * FPS
        assert k == pytest.approx(round(k), abs=0.05)


def test_a_camera_with_a_wrong_clock_is_dated_by_arrival(watch, caplog):
    scene = watch(1.0, clock_error_s=-3600.0)
    scene.until_pieces(1)
    assert {r.start_source for r in scene.segments()} == {"arrival"}
    assert "own clock is -3600 s off" in caplog.text


def test_the_longer_a_camera_is_away_the_longer_are_the_pauses():
    pauses_s = [choose_backoff_s(away_s) for away_s in (0.0, 5.0, 20.0, 200.0, 1e6)]
    assert pauses_s == pytest.approx([0.1, 0.1, 0.1, 1.0, 15.0])


def test_a_camera_that_refuses_the_password_is_not_tried_until_it_locks_us_out(
    watch, monkeypatch
):
    monkeypatch.setattr(live, "MIN_DENIED_S", 3.0)
    scene = watch(1.0)
    scene.camera.is_locked = True
    scene.camera.cut()
    scene.camera.mend()
    scene.until(lambda: scene.camera.n_denied)
    began_s = time.monotonic()
    while time.monotonic() < began_s + 2:
        scene.publish()
        time.sleep(0.05)
    assert scene.camera.n_denied <= 2  # asked without a password first, then with it
    n_shown = len(scene.camera.shown)
    scene.camera.is_locked = False
    scene.until(lambda: len(scene.camera.shown) > n_shown + FPS)


TURNED = (96, 160)


def test_a_picture_that_changes_its_shape_is_seen_where_it_is(watch, tmp_path):
    """A flat gate is seen in tiles; of the new shape, one view shows all of it."""
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        '[cameras.turned]\ntimezone = "UTC"\n[[cameras.turned.gates]]\nname = "main"\n'
        "polygon = [[0.1, 0.2], [0.9, 0.2], [0.9, 0.65], [0.1, 0.65]]\n"
    )
    film = red_film(FPS, TURNED, BOX_PX)
    units = red_units() + encode_film(film, 6 * FPS, FPS, TURNED)
    scene = watch(3600.0, units=units, cameras=cameras, camera="turned")
    scene.until(lambda: scene.camera.n_sent > 11 * FPS)
    scene.close()
    records = scene.segments()[-2:]
    assert [r.width for r in records] == [SIZE[0], TURNED[0]]
    assert records[1].start_us - records[0].end_us < 200_000, "still one connection"
    assert check_store(scene.options.store) == []
    reader = ScoresReader(scene.options.store)
    for record in records:
        window = record.start_us, record.end_us
        scores = reader.read("turned", "main", window, {record.segment_id: [window]})
        seen = np.diff(scores.peak_start) > 0
        assert seen.sum() >= 10
        x = scores.peaks["x"][scores.peak_start[:-1][seen]] / PEAK_UNIT
        at_s = scores.t_us[seen] / 1e6 - scene.camera.taken_s(0)
        box = BOX_PX[0] / record.width
        truth = (at_s % 6 - 1) / 3 * (1 + box) - box / 2
        inside = (truth > 0.1) & (truth < 0.9)
        error = (x - truth)[inside]  # a frame late is 0.04
        assert np.abs(error).max() < 0.25


def test_a_gate_that_is_moved_meanwhile_is_said_to_wait(watch, tmp_path, caplog):
    cameras = tmp_path / "cameras.toml"
    cameras.write_text('[cameras.dock]\ntimezone = "UTC"\n')
    scene = watch(60.0, cameras=cameras, camera="dock")
    scene.publish()
    cameras.write_text("[cameras.dock\n")
    scene.publish()
    assert "not valid TOML" in caplog.text
    assert "go on as before" in caplog.text
    caplog.clear()
    cameras.write_text('[cameras.dock]\ntimezone = "UTC"\n[cameras.new]\n')
    scene.publish()
    assert caplog.messages == [], "another camera"
    cameras.write_text('[cameras.dock]\ntimezone = "Europe/Berlin"\n')
    scene.publish()
    scene.publish()
    (line,) = caplog.messages
    assert line.startswith(f"dock: {cameras} says otherwise now")


def test_an_outage_is_told_once_and_not_at_every_try(watch, caplog):
    scene = watch(60.0)
    scene.until(lambda: len(scene.camera.shown) > FPS)
    scene.camera.cut()
    scene.until(lambda: scene.camera.n_refused >= 3)
    told = [r for r in caplog.records if "connecting again" in r.getMessage()]
    assert len(told) == 1


def test_what_was_begun_is_kept_when_told_to_stop(watch):
    scene = watch(3600.0)
    scene.until(lambda: scene.camera.n_sent > 20)
    scene.close()
    assert scene.outcomes
    assert len(scene.spans()) == len(scene.outcomes)


def test_no_camera_means_no_network_is_loaded(tmp_path):
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    streams = LiveStreams([], options)
    streams.start()
    assert list(streams.publish()) == list(streams.close()) == []
