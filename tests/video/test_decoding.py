"""Times and samples of awkward containers, with ffprobe as the oracle."""

import json
import shutil
import subprocess
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import av
import cv2
import numpy as np
import pytest

from tests.conftest import picture, write_clip
from truckcount.domain.sample import ViewRect
from truckcount.domain.ticks import TickSampler
from truckcount.errors import DecodeError
from truckcount.video import find_sources, open_decoder, probe_video

pytestmark = pytest.mark.video
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="ffprobe is not installed: no oracle"
)
WHOLE = ViewRect(gate="g", x0=0, y0=0, x1=1, y1=1, width_px=160, height_px=96)
START_US = 1_772_460_000_000_000


def decode(path, fps=5.0, backend="av", start_us=START_US, rect=WHOLE):
    samples, decoder = decode_by(path, fps, backend, start_us, rect)
    return samples, decoder.report


def decode_by(path, fps=5.0, backend="av", start_us=START_US, rect=WHOLE):
    source = find_sources([str(path)])[0]
    decoder = open_decoder(
        source, [rect], start_us=start_us, sample_fps=fps, backend=backend
    )
    return list(decoder), decoder


def ffprobe_times_us(path):
    """Presentation times of all frames, from the stream's first."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
               "frame=best_effort_timestamp", "-show_entries", "stream=time_base",
               "-of", "json", str(path)]  # fmt: skip
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    base = Fraction(told["streams"][0]["time_base"])
    if "best_effort_timestamp" not in told["frames"][0]:  # a raw stream has no times
        return [40_000 * k for k in range(len(told["frames"]))]
    stamps = [int(f["best_effort_timestamp"]) for f in told["frames"]]
    return [int((s - stamps[0]) * base * 1_000_000) for s in stamps]


def first_of_each_tick(times_us, fps):
    sampler = TickSampler(fps)
    return [t for t in times_us if sampler.take(START_US + t) is not None]


def vfr(k):
    return k * 40 + (k * k * 7) % 31 + (900 if k > 30 else 0)


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


CLIPS = {
    "plain.mp4": {},
    "b_frames.mp4": {
        "options": {"x264-params": "bframes=3:b-adapt=0:scenecut=0:keyint=50"}
    },
    "vfr.mkv": {"pts": vfr, "time_base": Fraction(1, 1000)},
    "offset.mkv": {"pts": lambda k: 91_234 + 40 * k, "time_base": Fraction(1, 1000)},
    "offset.ts": {"options": {"x264-params": "bframes=2:b-adapt=0:scenecut=0"}},
    "odd.mp4": {"size": (157, 93), "pix_fmt": "yuv444p"},
    "odd.mkv": {"size": (161, 97), "codec": "ffv1", "options": {}},
    "odd.avi": {
        "size": (161, 97), "codec": "mjpeg", "pix_fmt": "yuvj420p", "options": {},
    },
    "odd_rgb.mov": {
        "size": (161, 97), "codec": "png", "pix_fmt": "rgb24", "options": {},
    },
    "mpeg4.avi": {"codec": "mpeg4", "options": {}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "options": {}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}},
    "interlaced.mp4": {"options": {"crf": "20", "flags": "+ilme+ildct"}},
    "raw.h264": {},
}  # fmt: skip


@needs_ffmpeg
@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("fps", [5.0, 2.5, 12.0])
def test_samples_are_the_first_frame_of_each_tick(tmp_path, name, fps):
    path = write_clip(tmp_path / name, 60, **CLIPS[name])
    samples, decoder = decode_by(path, fps)
    report = decoder.report
    times = ffprobe_times_us(path)
    want = first_of_each_tick(times, fps)
    got = [s.pts_us for s in samples]
    # a decoder that leaves frames out may take a later frame of the same tick
    assert [TickSampler(fps).tick_of(START_US + t) for t in want] == [
        s.tick for s in samples
    ]
    assert np.abs(np.subtract(got, want)).max() <= 1e6 / fps
    if not decoder.is_skipping_nonref:
        assert np.abs(np.subtract(got, want)).max() <= 1, "microseconds"
    assert report.duration_s == pytest.approx(times[-1] / 1e6, abs=0.11)
    assert report.n_bad_packets == 0


@needs_ffmpeg
def test_an_edit_list_moves_no_sample(tmp_path):
    whole = write_clip(
        tmp_path / "whole.mp4",
        100,
        options={"x264-params": "bframes=2:b-adapt=0:scenecut=0:keyint=25"},
    )
    cut = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1.4", "-i", whole, "-c", "copy", cut)
    times = ffprobe_times_us(cut)
    for backend in ("av", "opencv"):
        seen = [s.pts_us for s in decode(cut, 1000.0, backend)[0]]
        assert np.abs(np.subtract(seen, times)).max() <= 1, backend
    samples, _ = decode(cut)
    want = first_of_each_tick(ffprobe_times_us(cut), 5.0)
    assert [s.tick for s in samples] == [
        TickSampler(5.0).tick_of(START_US + t) for t in want
    ]
    assert np.abs(np.subtract([s.pts_us for s in samples], want)).max() <= 120_000


@needs_ffmpeg
def test_a_file_without_duration_is_read_to_its_end(tmp_path):
    path = write_clip(tmp_path / "a.mkv", 60)
    piped = tmp_path / "piped.mkv"
    with piped.open("wb") as out:  # a pipe cannot be rewound to write the length
        command = ["ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-f", "matroska"]
        subprocess.run([*command, "-"], stdout=out, check=True)
    _, report = decode(piped)
    assert report.duration_s == pytest.approx(2.4, abs=0.05)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_metadata_turns_the_picture(tmp_path, degrees):
    flat = write_clip(tmp_path / "flat.mp4", 12, size=(160, 96))
    turned = tmp_path / "turned.mp4"
    with av.open(str(flat)) as source, av.open(str(turned), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(degrees)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    probe = probe_video(find_sources([str(turned)])[0])
    size = (96, 160) if degrees % 180 else (160, 96)
    assert (probe.width, probe.height) == size
    rect = ViewRect(gate="g", x0=0, y0=0, x1=1, y1=0.5, width_px=96, height_px=96)
    view = decode(turned, rect=rect)[0][0].views[0].astype(int)
    # the reference turns when it decodes
    reference = decode(turned, rect=rect, backend="opencv")[0][0].views[0].astype(int)
    assert np.abs(view - reference).mean() < 4


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0.25, 0.5, 0.75, 1)])
def test_pyav_and_opencv_agree(tmp_path, name, box):
    path = write_clip(tmp_path / name, 60, **CLIPS[name])
    if name == "interlaced.mp4":
        video = cv2.VideoCapture(str(path))
        if np.array_equal(video.read()[1], video.read()[1]):
            pytest.skip(f"OpenCV {cv2.__version__} cannot convert interlaced frames")
    rect = ViewRect(
        gate="g", x0=box[0], y0=box[1], x1=box[2], y1=box[3], width_px=96, height_px=64
    )
    ours, decoder = decode_by(path, 4.0, rect=rect)
    theirs, _ = decode(path, 4.0, "opencv", rect=rect)
    assert [s.tick for s in ours] == [s.tick for s in theirs]
    is_whole = not decoder.is_skipping_nonref
    for a, b in zip(ours, theirs, strict=True):
        assert a.views[0].shape == b.views[0].shape == (64, 96, 3)
        # brightness: the two place the half-size chroma of 4:2:0 differently
        apart = np.abs((a.views[0].astype(float) - b.views[0]) @ [0.299, 0.587, 0.114])
        if is_whole:
            assert a.pts_us == pytest.approx(b.pts_us, abs=1000)
            assert apart.mean() < 2.5
        assert apart.mean() < 8


@needs_ffmpeg
@pytest.mark.parametrize("backend", ["av", "opencv"])
@pytest.mark.parametrize("name", CLIPS)
def test_each_decoder_sees_every_frame_at_its_time(tmp_path, name, backend):
    path = write_clip(tmp_path / name, 40, **CLIPS[name])
    samples, _ = decode(path, 1000.0, backend)
    times = ffprobe_times_us(path)
    assert len(times) == len(samples) == 40
    assert np.abs(np.subtract([s.pts_us for s in samples], times)).max() <= 1


@needs_ffmpeg
def test_an_interlaced_frame_is_taken_as_woven(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 3, **CLIPS["interlaced.mp4"])
    woven = tmp_path / "a.png"
    ffmpeg("-i", path, "-frames:v", "1", woven)
    view = decode(path)[0][0].views[0].astype(int)
    assert np.abs(view - cv2.imread(str(woven))[:, :, ::-1]).mean() < 1


@needs_ffmpeg
@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_a_turned_picture_stands_as_ffmpeg_shows_it(tmp_path, degrees, backend):
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    write_clip(flat, 3)
    # the players' own tool, both ways: it writes the matrix and turns the picture
    ffmpeg("-i", flat, "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", turned)
    upright = tmp_path / "upright.png"
    ffmpeg("-i", turned, "-frames:v", "1", upright)
    want = cv2.imread(str(upright))[:, :, ::-1].astype(int)
    rect = ViewRect(
        gate="g", x0=0, y0=0, x1=1, y1=1, width_px=want.shape[1], height_px=len(want)
    )
    samples, report = decode(turned, rect=rect, backend=backend)
    assert (report.height, report.width) == want.shape[:2]
    assert np.abs(samples[0].views[0] - want).mean() < 4


@needs_ffmpeg
@pytest.mark.parametrize("name", CLIPS)
def test_a_file_ends_where_the_next_begins(tmp_path, name):
    """Too late an end would take the first samples of the next file from it."""
    path = write_clip(tmp_path / name, 60, **CLIPS[name])
    times = ffprobe_times_us(path)
    _, report = decode(path, 2.0)
    frame_us = max(b - a for a, b in pairwise(times))
    assert report.end_us - START_US <= times[-1] + frame_us + 1
    assert report.end_us - START_US > times[-1] - 3 * frame_us, "all but left-out ones"


@needs_ffmpeg
def test_streams_of_two_sizes_joined_in_one_transport_stream(tmp_path):
    a = write_clip(tmp_path / "a.ts", 30, size=(160, 96))
    b = write_clip(tmp_path / "b.ts", 30, size=(320, 192))
    (tmp_path / "ab.ts").write_bytes(a.read_bytes() + b.read_bytes())
    samples, report = decode(tmp_path / "ab.ts")
    ticks = [s.tick for s in samples]
    assert ticks == list(range(ticks[0], ticks[0] + 12))
    assert {s.views[0].shape for s in samples} == {(96, 160, 3)}
    last = decode(b)[0][-1].views[0].astype(int)
    assert np.abs(samples[-1].views[0] - last).mean() < 8, "the whole of it, scaled"
    assert report.duration_s == pytest.approx(2.4, abs=0.15)


def test_a_clip_is_read_over_http(tmp_path):
    path = write_clip(tmp_path / "dock_20260302T080000Z.mp4", 30)
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{path.name}"
        remote = find_sources([url])[0]
        assert probe_video(remote) == probe_video(find_sources([str(path)])[0])
        decoder = open_decoder(remote, [WHOLE], start_us=START_US, sample_fps=5.0)
        there, here = list(decoder), decode(path)[0]
        with pytest.raises(DecodeError, match=r"gone\.mp4.*404"):
            probe_video(find_sources([url.replace(path.name, "gone.mp4")])[0])
        server.shutdown()
    assert [s.t_us for s in there] == [s.t_us for s in here]
    assert np.array_equal(there[-1].views[0], here[-1].views[0])


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without writing a log."""

    def log_message(self, *_):
        pass


def test_any_cut_gives_the_same_samples(tmp_path):
    """The grid is absolute: pieces hold the samples of the whole."""
    whole, _ = decode(write_clip(tmp_path / "whole.mp4", 90))
    pieces = []
    for a, b in ((0, 33), (33, 71), (71, 90)):
        path = write_clip(
            tmp_path / f"{a}.mp4", b - a, image=lambda k, a=a: picture(a + k)
        )
        pieces += decode(path, start_us=START_US + a * 40_000)[0]
    first_of_tick = {}
    for sample in pieces:  # both sides of a cut may hold a frame of one tick
        first_of_tick.setdefault(sample.tick, sample.t_us)
    assert first_of_tick == {s.tick: s.t_us for s in whole}


def test_a_size_that_changes_inside_a_stream_is_followed(tmp_path):
    a = write_clip(tmp_path / "a.h264", 30, size=(160, 96))
    b = write_clip(tmp_path / "b.h264", 30, size=(320, 192))
    both = tmp_path / "both.h264"
    both.write_bytes(a.read_bytes() + b.read_bytes())
    samples, report = decode(both)
    assert report.n_frames_decoded == 60
    assert {s.views[0].shape for s in samples} == {(96, 160, 3)}


def test_a_clock_that_leaps_hours_ahead_is_told(tmp_path):
    """Two recordings put into one file: the second one's trucks are dated too late."""
    clip = write_clip(
        tmp_path / "leap.mkv",
        50,
        pts=lambda k: 40 * k + (k >= 25) * 7_200_000,
        time_base=Fraction(1, 1000),
    )
    _, report = decode(clip)
    assert report.duration_s == pytest.approx(7202, abs=0.1)
    (warning,) = report.warnings
    assert warning.startswith("no frame for 7200 s inside the file")


def test_a_clock_that_jumps_back_counts_nothing_twice(tmp_path):
    path = tmp_path / "jump.ts"
    write_clip(path, 50)
    second = write_clip(tmp_path / "second.ts", 50)
    path.write_bytes(path.read_bytes() + second.read_bytes())
    samples, report = decode(path)
    ticks = [s.tick for s in samples]
    assert ticks == sorted(set(ticks))
    assert report.duration_s == pytest.approx(4.0, abs=0.15)
    assert any("jumped" in w for w in report.warnings)


@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_views_are_what_the_picture_shows(tmp_path, backend):
    """Left half red, right half blue: a crop of one half has one colour."""
    image = np.zeros((96, 160, 3), np.uint8)
    image[:, :80] = (200, 30, 30)
    image[:, 80:] = (30, 30, 200)
    path = write_clip(tmp_path / "halves.mp4", 12, image=lambda _k: image)
    right = ViewRect(gate="g", x0=0.5, y0=0, x1=1, y1=1, width_px=64, height_px=64)
    view = decode(path, rect=right, backend=backend)[0][0].views[0]
    assert np.abs(view.reshape(-1, 3).mean(0) - (30, 30, 200)).max() < 12


def test_unknown_backend_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 3)
    with pytest.raises(Exception, match="av, opencv"):
        decode(path, backend="gstreamer")


def test_report_before_the_end_is_an_error(tmp_path):
    source = find_sources([str(write_clip(tmp_path / "a.mp4", 3))])[0]
    decoder = open_decoder(source, [WHOLE], start_us=0, sample_fps=5)
    with pytest.raises(DecodeError, match="after the last sample"):
        _ = decoder.report


def test_a_header_is_read_in_one_go(tmp_path, monkeypatch):
    """Opening costs more than all that is read then; of a stream it is a connection."""
    path = write_clip(tmp_path / "a.mp4", 30)
    opened = []
    open_for_real = av.open

    def count(*arguments, **options):
        opened.append(arguments)
        return open_for_real(*arguments, **options)

    monkeypatch.setattr(av, "open", count)
    probe = probe_video(find_sources([str(path)])[0])
    assert (probe.width, probe.height, probe.rotation_deg) == (160, 96, 0)
    assert len(opened) == 1
