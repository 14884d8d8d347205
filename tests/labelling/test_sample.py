from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.cli.conftest import CAMERAS
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import LabelError
from truckcount.labelling.draw import DrawOptions
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.sample import sample_videos
from truckcount.pipeline.config import RunOptions

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("videos")
    (made / "cameras.toml").write_text(CAMERAS)
    write_traffic(made / "dock_20260302T233000Z.mp4", {1.0: 1, 6.0: -1}, 9)
    write_traffic(made / "dock_20260303T110000Z.mp4", {1.0: 1}, 5)
    write_red_model(made)
    return made


def sample(folder, root, paths=None, n=12, seed=0, **options):
    run = RunOptions(
        cameras=folder / "cameras.toml", model=write_red_model(folder), store=root
    )
    made = LabelSet.open_or_create(root)
    paths = paths or [str(p) for p in sorted(folder.glob("dock_*.mp4"))]
    asked = DrawOptions(n=n, seed=seed, min_gap_s=0.5)
    return made, sample_videos(made, paths, run, asked, **options)


def test_frames_are_whole_pictures_with_their_moment_and_reason(folder, tmp_path):
    made, report = sample(folder, tmp_path)
    frames = made.frames
    assert report.n_frames == len(frames) == 12
    assert set(frames["drawn_by"]) >= {"spread", "change", "random"}
    assert set(frames["camera"]) == {"dock"}
    # 23:30 UTC is the next day in Berlin
    assert set(frames["day"]) == {"2026-03-03"}
    # two clips of some seconds, half a day apart: two events
    assert frames.groupby("source")["group"].nunique().tolist() == [1, 1]
    assert frames["group"].nunique() == 2
    for row in frames.itertuples():
        start = datetime.strptime(Path(row.source).stem[5:], "%Y%m%dT%H%M%S%z")
        since = (row.t_utc - start.astimezone(UTC)).total_seconds()
        assert since == pytest.approx(row.source_t_s, abs=1e-6)
        image = cv2.imread(str(tmp_path / row.image))
        assert image.shape[:2] == (row.height, row.width)
    (entry,) = made.header["provenance"]
    assert entry["what"] == "label sample"
    assert entry["n"] == 12


def test_a_stored_frame_is_the_frame_of_its_moment(folder, tmp_path):
    from truckcount.video import find_sources
    from truckcount.video.frames import read_frame_at

    made, _ = sample(folder, tmp_path, n=4)
    for row in made.frames.itertuples():
        (path,) = folder.glob(Path(row.source).name)
        (source,) = find_sources([str(path)])
        image = read_frame_at(source, row.source_t_s)
        stored = cv2.imread(str(tmp_path / row.image))[:, :, ::-1]
        assert np.abs(stored.astype(int) - image).mean() < 4


def test_the_same_seed_draws_the_same_and_a_second_run_others(folder, tmp_path):
    first, _ = sample(folder, tmp_path / "a", n=6)
    again, _ = sample(folder, tmp_path / "b", n=6)
    other, _ = sample(folder, tmp_path / "c", n=6, seed=1)
    assert first.frames.equals(again.frames)
    assert set(first.frames["image"]) != set(other.frames["image"])
    more, report = sample(folder, tmp_path / "a", n=4)
    assert report.n_frames == 4
    assert len(more.frames) == 10


def test_frames_drawn_later_belong_to_the_event_of_those_before(folder, tmp_path):
    """Intervals are drawn over groups: an event cut in two looks like two."""
    made, _ = sample(folder, tmp_path, n=4)
    before = made.frames.set_index("image")["group"]
    sample(folder, tmp_path, n=4)
    frames = made.frames.set_index("image")
    assert len(frames) == 8
    assert frames["group"].groupby(frames["source"]).nunique().tolist() == [1, 1]
    assert frames["group"][before.index].equals(before)


def test_views_are_the_crops_that_the_network_sees(folder, tmp_path):
    made, _ = sample(folder, tmp_path, n=3, is_views=True)
    frames = made.frames
    assert all("_main-" in image for image in frames["image"])
    assert (frames["width"] % 32 == 0).all()


def test_a_broken_video_is_reported_and_the_others_sampled(folder, tmp_path):
    bad = tmp_path / "dock_20260304T110000Z.mp4"
    bad.write_bytes(b"no video")
    good = str(folder / "dock_20260303T110000Z.mp4")
    _, report = sample(
        folder, tmp_path / "s", [str(bad), good, str(tmp_path / "gone.mp4")], n=3
    )
    assert report.n_frames == 3
    assert len(report.failed) == 2
    with pytest.raises(LabelError, match="no video gave a sample"):
        sample(folder, tmp_path / "s", [str(bad)])


def test_a_guessed_time_is_no_moment(folder, tmp_path):
    clip = write_traffic(tmp_path / "clip.mp4", {1.0: 1}, 3)
    made, _ = sample(folder, tmp_path / "s", [str(clip)], n=2)
    frames = made.frames
    assert frames["t_utc"].isna().all()
    assert set(frames["day"]) == {""}
    assert frames["group"].nunique() == 1
    assert frames["group"][0].startswith("clip/clip_")
    assert frames["source_t_s"].notna().all()


def test_blurred_frames_are_mosaics(folder, tmp_path):
    detail = []
    for is_blurred in (False, True):
        root = tmp_path / str(is_blurred)
        sample(folder, root, n=2, is_blurred=is_blurred)
        image = cv2.imread(str(next((root / "frames").iterdir())))
        detail.append(float(cv2.Laplacian(image, cv2.CV_64F).var()))
    assert detail[1] < 0.5 * detail[0]
