"""What a file may reach: itself; what a picture may cost: up to a limit."""

import socket
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from tests.conftest import write_clip
from truckcount.domain.sample import ViewRect
from truckcount.errors import DecodeError
from truckcount.video import find_sources, open_decoder, probe_video

pytestmark = pytest.mark.video
VIEW = ViewRect(gate="main", x0=0.0, y0=0.0, x1=1.0, y1=1.0, width_px=64, height_px=32)


def read(path, backend="av", **options):
    source = find_sources([str(path)])[0]
    probe_video(source, **options)
    decoder = open_decoder(
        source, [VIEW], start_us=0, sample_fps=5, backend=backend, **options
    )
    return list(decoder), decoder.report


@pytest.fixture
def listener():
    """A port that nobody may knock at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def knocks(server):
    try:
        server.accept()
    except BlockingIOError:
        return False
    return True


def bodies(folder, port):
    other = write_clip(folder / "other.ts", 30)
    write_clip(folder / "other.mp4", 30)
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    sdp = (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    return {
        "concat": "ffconcat version 1.0\nfile other.mp4\n",
        "concat-url": f"ffconcat version 1.0\nfile http://127.0.0.1:{port}/x.mp4\n",
        "hls": hls.format(other.name),
        "hls-url": hls.format(f"http://127.0.0.1:{port}/x.ts"),
        "sdp": sdp,
    }


@pytest.mark.parametrize("kind", ["concat", "concat-url", "hls", "hls-url", "sdp"])
@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "ffconcat", "ts"])
def test_a_list_reaches_neither_other_files_nor_the_network(
    tmp_path, listener, kind, suffix
):
    path = tmp_path / f"gate.{suffix}"
    path.write_text(bodies(tmp_path, listener.getsockname()[1])[kind])
    with pytest.raises(DecodeError, match=r"gate\.\w+: not a video"):
        read(path)
    assert not knocks(listener)


@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_a_list_is_no_video_to_any_decoder(tmp_path, backend):
    path = tmp_path / "gate.mp4"
    path.write_text(bodies(tmp_path, 9)["concat"])
    source = find_sources([str(path)])[0]
    decoder = open_decoder(source, [VIEW], start_us=0, sample_fps=5, backend=backend)
    with pytest.raises(DecodeError):
        list(decoder)


@pytest.mark.parametrize(
    "name", ["cam:1.mp4", "http:x.mp4", "concat:a|b.mp4", "%d.mp4"]
)
@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_a_name_is_a_name_whatever_it_looks_like(tmp_path, monkeypatch, name, backend):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "plain.mp4", 25).rename(tmp_path / name)
    samples, _ = read(name, backend)
    assert len(samples) == 5


@pytest.mark.parametrize("suffix", ["mp4", "ts", "avi", "mkv"])
@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_a_picture_over_the_limit_is_refused(tmp_path, suffix, backend):
    path = write_clip(tmp_path / f"a.{suffix}", 25)
    with pytest.raises(DecodeError, match=r"--max-pixels|no video stream|not a video"):
        read(path, backend, max_pixels=160 * 96 - 1)
    assert len(read(path, backend, max_pixels=160 * 96)[0]) >= 5


def test_a_stream_that_grows_over_the_limit_loses_what_is_over(tmp_path):
    path = write_clip(tmp_path / "a.ts", 50)
    grey = np.full((1024, 1280, 3), 90, np.uint8)
    large = write_clip(
        tmp_path / "large.ts", 12, size=(1280, 1024), image=lambda _: grey
    )
    path.write_bytes(path.read_bytes() + large.read_bytes())
    samples, report = read(path, max_pixels=160 * 96)
    assert 8 <= len(samples) <= 11, "the small half"
    assert report.duration_s == pytest.approx(2.0, abs=0.1)
    assert len(read(path)[0]) > len(samples)


def test_a_list_from_the_network_reaches_no_file_of_this_machine(tmp_path):
    secret = write_clip(tmp_path / "secret.ts", 30)
    lists = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:{secret}\n"
        "#EXT-X-ENDLIST\n",
        "hls-slashes": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n"
        f"file://{secret}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile file:{secret}\n",
    }

    class Give(BaseHTTPRequestHandler):
        def do_GET(self):
            body = lists[self.path.strip("/").removesuffix(".m3u8")].encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Give)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for name in lists:
            url = f"http://127.0.0.1:{server.server_port}/{name}.m3u8"
            with pytest.raises(DecodeError):
                read_url(url)
        # so that it is the limit that refuses, and not the list that is wrong
        allowed = {"protocol_whitelist": "http,tcp,file", "safe": "0"}
        with av.open(url, options=allowed) as container:
            assert next(container.decode(video=0)).width == 160
    finally:
        server.shutdown()
        server.server_close()


def read_url(url):
    (source,) = find_sources([url])
    probe_video(source)
    return list(open_decoder(source, [VIEW], start_us=0, sample_fps=5))


def png_bomb():
    """Return a few kB that claim to be 30,000 x 30,000 pixels."""

    def chunk(kind, body):
        text = kind + body
        return struct.pack(">I", len(body)) + text + struct.pack(">I", zlib.crc32(text))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(30_000 * 90), 9)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)
    return png + chunk(b"IEND", b"")


def test_a_bomb_of_a_still_is_refused_before_it_is_opened(tmp_path):
    for second in range(3):
        path = tmp_path / f"cam_20260302T08000{second}Z.png"
        path.write_bytes(png_bomb())
    with pytest.raises(DecodeError, match="30000x30000 cannot be used"):
        read(tmp_path)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4", "libx265"])
def test_common_recordings_stay_readable(tmp_path, codec):
    try:
        av.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"no encoder {codec}")
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_clip(tmp_path / "a.mkv", 25, codec=codec, pix_fmt=pix_fmt, options={})
    samples, report = read(path)
    assert len(samples) == 5
    assert (report.width, report.height) == (160, 96)
    assert samples[0].views[0].dtype == np.uint8
