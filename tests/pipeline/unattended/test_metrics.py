"""What Prometheus reads of a watch is what the store holds."""

import shutil
import subprocess
import urllib.request
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import FPS, SIZE, write_red_model, write_traffic
from truckcount.domain.sample import CAUSES
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.intake import Waiting
from truckcount.pipeline.unattended.known_cameras import find_cameras
from truckcount.pipeline.unattended.metrics import METRICS, Metrics
from truckcount.pipeline.unattended.metrics_output import MetricsFile, serve_metrics

pytestmark = pytest.mark.video
parser = pytest.importorskip("prometheus_client.parser")
START_S = 1_772_442_000  # 2026-03-02T09:00:00Z
NOW_S = START_S + 7200
GATES = """
[cameras.gate]
timezone = "UTC"
[[cameras.gate.gates]]
name = "left"
polygon = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.95], [0.1, 0.95]]
[[cameras.gate.gates]]
name = "right"
polygon = [[0.5, 0.1], [0.9, 0.1], [0.9, 0.95], [0.5, 0.95]]
in = [1.0, 0.0]
[cameras.never]
timezone = "UTC"
"""


def write_troubled(path):
    """Ten usable seconds, ten dark ones, then a picture that stands still for 30."""
    rng = np.random.default_rng(7)
    scene = rng.integers(60, 200, (SIZE[1], SIZE[0], 3), dtype=np.uint8)

    def image(k):
        at_s = k / FPS
        noise = np.random.default_rng(min(k, 20 * FPS)).integers(0, 12, scene.shape)
        return (noise if 10 <= at_s < 20 else scene + noise).astype(np.uint8)

    # lossless: what stands still must come out of the encoder bit for bit
    options = {"crf": "0", "g": "20", "preset": "ultrafast"}
    return write_clip(path, 50 * FPS, fps=FPS, size=SIZE, image=image, options=options)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "v").mkdir()
    write_traffic(folder / "v" / "gate_20260302T090000Z.mp4", {1.0: 1}, 6)
    write_troubled(folder / "v" / "gate_20260302T093000Z.mp4")
    (folder / "v" / "gate_20260302T100000Z.mp4").write_bytes(b"junk")
    (folder / "cameras.toml").write_text(GATES)
    return folder


@pytest.fixture(scope="module")
def options(site):
    return RunOptions(
        store=site / "store",
        model=write_red_model(site),
        cameras=site / "cameras.toml",
    )


@pytest.fixture(scope="module")
def result(site, options):
    return run_paths([str(site / "v")], options)


def metrics_now(file=None):
    return Metrics(file, clock=lambda: NOW_S)


def values(text):
    return {
        (sample.name.removeprefix("truckcount_"), *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def sums(found, name):
    """Of one metric, by its labels."""
    return {key[1:]: value for key, value in found.items() if key[0] == name}


@pytest.fixture
def found(result):
    metrics = metrics_now()
    metrics.heard(result)
    return values(metrics.text())


def test_counters_are_what_the_segments_say(found, options, result):
    segments = pd.read_parquet(options.store / "segments")
    done = segments[segments["status"] == "done"]
    assert len(done) == 2
    for metric, column in {
        "frames_total": "n_frames_decoded",
        "samples_total": "n_samples",
        "damaged_packets_total": "decode_errors",
        "video_seconds_total": "duration_s",
    }.items():
        assert found[metric, "gate"] == pytest.approx(done[column].sum()), metric
    assert found["samples_total", "gate"] == 56 * 5
    # what no sample needs is left undecoded
    assert 56 * 5 <= found["frames_total", "gate"] <= 56 * FPS
    assert found["files_total", "gate", "done"] == 2
    assert found["files_total", "gate", "corrupt"] == 1


def test_trucks_and_coverage_are_what_the_hours_say(found, options, result):
    hours = pd.read_parquet(options.store / "hours").astype({"gate": str})
    n_trucks = hours.groupby(["gate", "direction"])["n_trucks"].sum()
    for (gate, direction), n in n_trucks[n_trucks > 0].items():
        assert found["trucks_total", "gate", gate, direction] == n
    assert sum(sums(found, "trucks_total").values()) == n_trucks.sum() >= 2
    by_gate = hours.drop_duplicates(["gate", "hour_start_utc"]).groupby("gate")
    for gate, seconds in by_gate["coverage_s"].sum().items():
        assert found["coverage_seconds_total", "gate", gate] == pytest.approx(seconds)
    unusable = sums(found, "unusable_seconds_total")
    told = by_gate["unusable_s"].sum()["left"]
    assert sum(unusable.values()) == pytest.approx(told)


def test_unusable_seconds_have_the_cause_of_their_samples(found, options, result):
    scores = pd.read_parquet(options.store / "scores")
    scores = scores[scores["gate"] == "left"]
    unusable = sums(found, "unusable_seconds_total")
    left = scores["quality_flags"].to_numpy(copy=True)
    for cause, flag in CAUSES:
        has_it = left & flag != 0
        seconds = scores["dt_s"][has_it].sum()
        assert unusable["gate", cause] == pytest.approx(seconds, abs=0.01), cause
        left[has_it] = 0
    assert unusable["gate", "dark"] == pytest.approx(10, abs=0.5)
    assert unusable["gate", "frozen"] > 15


def test_views_are_those_of_usable_samples(found, options, result):
    scores = pd.read_parquet(options.store / "scores")
    assert found["views_total", "gate"] == (scores["quality_flags"] == 0).sum()


def test_lag_is_from_the_end_of_the_newest_counted_second(found):
    end_s = START_S + 1800 + 50
    key = "last_counted_timestamp_seconds", "gate"
    assert found[key] == pytest.approx(end_s, abs=0.2)
    assert found["lag_seconds", "gate"] == pytest.approx(NOW_S - found[key])


def test_an_older_file_does_not_turn_the_lag_back(site, options, result, tmp_path):
    metrics = metrics_now()
    metrics.know(find_cameras(options))
    before = values(metrics.text())["lag_seconds", "gate"]
    old = write_traffic(tmp_path / "gate_20260302T080000Z.mp4", {}, 2)
    shutil.copytree(options.store, tmp_path / "store")
    metrics.heard(run_paths([str(old)], replace(options, store=tmp_path / "store")))
    after = values(metrics.text())
    assert after["files_total", "gate", "done"] == 1
    assert after["lag_seconds", "gate"] == before


def test_after_a_restart_every_camera_is_there_with_its_lag(found, options, result):
    metrics = metrics_now()
    metrics.know(find_cameras(options))
    again = values(metrics.text())
    assert again["lag_seconds", "gate"] == found["lag_seconds", "gate"]
    assert again["lag_seconds", "never"] == float("inf")
    assert ("last_counted_timestamp_seconds", "never") not in again
    totals = {key: value for key, value in again.items() if key[0].endswith("_total")}
    assert set(totals.values()) == {0}
    # whatever a batch adds to is there before, but for how files fail
    assert {k for k in found if k[0].endswith("_total")} - set(totals) == {
        ("files_total", "gate", "corrupt")
    }
    assert ("coverage_seconds_total", "never", "frame") in totals
    metrics.heard(result)
    assert {k: v for k, v in values(metrics.text()).items() if k in found} == found


def test_without_a_cameras_file_gates_are_the_stores(options, result):
    cameras = find_cameras(replace(options, cameras=None))
    assert [(c.name, c.gates) for c in cameras] == [
        (
            "gate",
            (
                ("left", "any"),
                ("right", "in"),
                ("right", "out"),
                ("right", "unknown"),
            ),
        )
    ]


def test_every_metric_says_what_it_is(result):
    metrics = metrics_now()
    metrics.heard(result)
    metrics.looked(Waiting(missing=["/mnt/rec"]))
    assert values(metrics.text())["folders_missing",] == 1
    for name, (kind, about) in METRICS.items():
        assert f"# TYPE {name} {kind}\n" in metrics.text()
        assert about.endswith(".")
        assert name.endswith("_total") == (kind == "counter")


def test_labels_are_escaped():
    metrics = Metrics()
    metrics._add("files_total", 1, ("camera", 'a"b\\c\nd'), ("status", "done"))
    (key,) = values(metrics.text())
    assert 'a"b\\c\nd' in key


def test_a_scrape_gets_the_same_text(result):
    metrics = metrics_now()
    metrics.heard(result)
    with serve_metrics(metrics.text, 0) as url:
        with urllib.request.urlopen(url, timeout=60) as page:
            assert page.read().decode() == metrics.text()
            assert page.headers["Content-Type"].startswith("text/plain")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url + "x", timeout=60)
        port = int(url.split(":")[2].split("/")[0])
        with (
            pytest.raises(ConfigError, match=f"--metrics-port {port}"),
            serve_metrics(metrics.text, port),
        ):
            pass


def test_a_full_disk_is_said_once_and_outwaited(result, tmp_path, caplog):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount")
    try:
        metrics = metrics_now(MetricsFile(disk / "t.prom"))
        metrics.looked(Waiting())
        before = (disk / "t.prom").read_text()
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        metrics.heard(result)
        metrics.looked(Waiting())
        assert caplog.text.count("No space left") == 1
        assert caplog.text.count("counting goes on") == 1
        assert (disk / "t.prom").read_text() == before, "the last whole one stays"
        (disk / "filler").unlink()
        metrics.looked(Waiting())
        assert caplog.text.count("is written again") == 1
        assert (disk / "t.prom").read_text() == metrics.text()
        assert [p.name for p in disk.iterdir()] == ["t.prom"], "no draft is left"
    finally:
        subprocess.run(["umount", "-l", disk], capture_output=True, check=False)


def test_a_second_outage_is_said_again(tmp_path, caplog):
    folder = tmp_path / "textfiles"
    folder.mkdir()
    file = MetricsFile(folder / "t.prom")
    for outage in (1, 2):
        shutil.rmtree(folder)
        file.write("a 1\n")
        file.write("a 2\n")
        assert caplog.text.count("counting goes on") == outage
        folder.mkdir()
        file.write("a 3\n")
        assert (folder / "t.prom").read_text() == "a 3\n"


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match="no folder"):
        MetricsFile(tmp_path / "textfiles" / "t.prom")
