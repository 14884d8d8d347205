"""Two URLs that would be one camera are an error, before anything is opened."""

import pytest

import truckcount
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.unattended.run_new import run_new
from truckcount.pipeline.unattended.watch import Watch, WatchOptions
from truckcount.pipeline.url_cameras import check_urls

NVR = "rtsp://admin:hunter2@127.0.0.1:1"
LONG = f"{NVR}/{'x' * 70}"


@pytest.mark.parametrize(
    "urls",
    [
        (f"{NVR}/live?door=1", f"{NVR}/live?door=2"),
        (f"{NVR}/live?door=1", f"{NVR}/live"),
        (f"{LONG}/1", f"{LONG}/2"),
        (f"{NVR}/live", f"{NVR.replace('rtsp', 'rtsps')}/live"),
        (f"{NVR}/cam-1", f"{NVR}/cam_1"),
        ("https://nvr/get?id=7", "https://nvr/get?id=8"),
        (
            "https://nvr/a_20260302T080000Z.mp4?d=1",
            "https://nvr/a_20260302T080000Z.mp4",
        ),
        ("https://nvr/cam-1.m3u8", "https://nvr/cam_1.m3u8"),
    ],
)
def test_two_urls_of_one_name_are_refused(urls):
    with pytest.raises(ConfigError, match="would both be counted as camera") as error:
        check_urls(RunOptions(), ["a.mp4", *urls])
    assert "hunter2" not in str(error.value)
    assert "--camera NAME" in str(error.value)


@pytest.mark.parametrize(
    "urls",
    [
        (f"{NVR}/live?channel=1", f"{NVR}/live?channel=2"),
        (f"{NVR}/live?door=1", f"{NVR}/live?door=1"),
        (f"{NVR}/1", f"{NVR}/2"),
        ("https://nvr/a_20260302T080000Z.mp4", "https://nvr/a_20260302T090000Z.mp4"),
        (f"{NVR}/live", "http://127.0.0.1:1/live"),
        ("a.mp4", "b.mp4"),
    ],
    ids=["channels", "twice", "paths", "recordings", "live and recorded", "files"],
)
def test_urls_that_are_told_apart_are_let_through(urls):
    check_urls(RunOptions(), urls)


def test_a_camera_that_is_named_takes_recordings_and_one_live_url():
    options = RunOptions(camera="dock")
    check_urls(options, ["https://nvr/get?id=7", "https://nvr/get?id=8"])
    with pytest.raises(ConfigError, match="camera 'dock'"):
        check_urls(options, [f"{NVR}/1", f"{NVR}/2"])


def test_match_tells_apart_what_a_name_must_not_show(tmp_path):
    doors = "".join(f'[cameras.d{k}]\nmatch = ["live[?]door={k}"]\n' for k in (1, 2))
    (tmp_path / "cameras.toml").write_text(doors)
    options = RunOptions(cameras=tmp_path / "cameras.toml")
    check_urls(options, [f"{NVR}/live?door=1", f"{NVR}/live?door=2"])
    both = '[cameras.d]\nmatch = ["live[?]door=*"]\n'
    (tmp_path / "cameras.toml").write_text(both)
    with pytest.raises(ConfigError, match="camera 'd'"):
        check_urls(options, [f"{NVR}/live?door=1", f"{NVR}/live?door=2"])


LIVE = [f"{NVR}/live?door=1", f"{NVR}/live?door=2"]
RECORDED = ["https://127.0.0.1:1/get?id=7", "https://127.0.0.1:1/get?id=8"]


@pytest.mark.parametrize(
    "count",
    [
        lambda options: truckcount.run(LIVE, store=options.store, live_s=5.0),
        lambda options: truckcount.run(RECORDED, store=options.store),
        lambda options: run_new(RECORDED, options),
        lambda options: Watch(LIVE, options, WatchOptions()).run(),
    ],
    ids=["live", "recorded", "new", "watch"],
)
def test_every_way_to_count_refuses_them(tmp_path, count):
    options = RunOptions(store=tmp_path / "store")
    with pytest.raises(ConfigError, match="would both be counted as camera"):
        count(options)
    assert list((tmp_path / "store").rglob("*.parquet")) == []
