"""What Prometheus reads of a watch."""

import urllib.request

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.intake import Waiting
from truckcount.pipeline.metrics import METRICS, Metrics, serve_metrics
from truckcount.pipeline.run import run_paths

pytestmark = pytest.mark.video
parser = pytest.importorskip("prometheus_client.parser")


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    write_traffic(folder / "gate_20260302T090000Z.mp4", {1.0: 1}, 6)
    (folder / "gate_20260302T100000Z.mp4").write_bytes(b"junk")
    options = RunOptions(store=folder / "store", model=write_red_model(folder))
    return run_paths([str(folder)], options)


def values(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_run_is_counted_by_camera_gate_and_direction(result, tmp_path):
    metrics = Metrics(tmp_path / "truckcount.prom")
    metrics.heard(result)
    metrics.looked(Waiting(missing=["/mnt/rec"]))
    found = values((tmp_path / "truckcount.prom").read_text())
    assert found["truckcount_trucks_total", "any", "frame", "gate"] == 1
    assert found["truckcount_files_total", "done", "gate"] == 1
    assert found["truckcount_files_total", "corrupt", "gate"] == 1
    assert found["truckcount_samples_total", "gate"] == 30
    assert found["truckcount_folders_missing",] == 1
    end_s = 1_772_442_000 + 6
    key = "truckcount_last_counted_timestamp_seconds"
    assert found[key, "gate"] == pytest.approx(end_s, abs=0.2)
    metrics.heard(result)
    again = values(metrics.text())
    assert again["truckcount_trucks_total", "any", "frame", "gate"] == 2


def test_every_metric_says_what_it_is(result):
    metrics = Metrics()
    metrics.heard(result)
    metrics.looked(Waiting())
    for name, (kind, about) in METRICS.items():
        assert f"# TYPE {name} {kind}\n" in metrics.text()
        assert about.endswith(".")


def test_labels_are_escaped():
    metrics = Metrics()
    metrics._add("files_total", 1, ("camera", 'a"b\\c\nd'), ("status", "done"))
    (key,) = values(metrics.text())
    assert 'a"b\\c\nd' in key


def test_a_scrape_gets_the_same_text(result):
    metrics = Metrics()
    metrics.heard(result)
    with serve_metrics(metrics, 0) as url:
        with urllib.request.urlopen(url, timeout=60) as page:
            assert page.read().decode() == metrics.text()
            assert page.headers["Content-Type"].startswith("text/plain")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(url + "x", timeout=60)
