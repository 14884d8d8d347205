"""An RTSP camera on loopback that can be cut, silenced and slowed.

It speaks what FFmpeg's client asks for (RFC 2326 over TCP, interleaved; RFC 6184
packets of H.264; RFC 3550 sender reports) and shows a film in real time, from the
same start for everyone.
"""

import base64
import socket
import socketserver
import struct
import threading
import time
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np

CLOCK_HZ = 90_000
NTP_OFFSET_S = 2_208_988_800  # from 1900 to 1970
MAX_PAYLOAD = 1200


def encode_film(image, n_frames, fps, size):
    """Encode frames to access units, each a list of NAL units."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.time_base = Fraction(1, fps)
    context.options = {
        "preset": "ultrafast", "tune": "zerolatency", "g": str(fps), "crf": "20",
        "x264-params": "repeat-headers=1:annexb=1:sliced-threads=0",
    }  # fmt: skip
    units = []
    for k in range(n_frames):
        frame = av.VideoFrame.from_ndarray(image(k), format="rgb24")
        frame.pts = k
        units += [_nals(bytes(packet)) for packet in context.encode(frame)]
    units += [_nals(bytes(packet)) for packet in context.encode(None)]
    return units


def _nals(data):
    parts = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [part for part in parts if part]


class RtspCamera:
    """Shows a looped film; ``cut``, ``silence`` and ``slow`` are its faults.

    ``shown`` holds the numbers of the frames that somebody could decode: sent in an
    unbroken row from a key frame on. Frame k was taken at ``taken_s(k)``.
    ``delay_s`` is what each frame takes to send; ``bytes_per_s`` what the link carries.
    ``is_locked`` refuses whoever comes, as after wrong passwords; ``n_denied`` counts.
    With ``clock_error_s`` it says in sender reports what its own clock shows.
    """

    def __init__(self, units, fps, clock_error_s=None, delay_s=0.0, bytes_per_s=None):
        self._units, self._fps = units, fps
        self._began = time.time()
        self._clock_error_s = clock_error_s
        self.is_down = False
        self.is_silent = self.is_locked = False
        self.delay_s = delay_s
        self.bytes_per_s = bytes_per_s
        self.n_connections = self.n_refused = self.n_denied = self.n_sent = 0
        self.shown = set()
        self._open = set()
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                camera._serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        port = self._server.server_address[1]
        self.url = f"rtsp://viewer:secret@127.0.0.1:{port}/live"

    def cut(self):
        """Break every connection, and refuse new ones until ``mend``."""
        self.is_down = True
        for connection in list(self._open):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self):
        """Let connections in again."""
        self.is_down = False

    def taken_s(self, k):
        """Return when a frame was taken, seconds since 1970."""
        return self._began + k / self._fps

    def is_key(self, k):
        """Whether a decoder can begin at a frame."""
        return any(nal[0] & 31 == 5 for nal in self._units[k % len(self._units)])

    def close(self):
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, handler):
        if self.is_down:
            self.n_refused += 1
            return
        self._open.add(handler.connection)
        try:
            while request := self._read(handler.rfile):
                verb, sequence = request
                if self.is_locked and verb == "DESCRIBE":
                    self.n_denied += 1
                    handler.wfile.write(self._deny(sequence))
                    continue
                handler.wfile.write(self._answer(verb, sequence))
                if verb == "PLAY":
                    self.n_connections += 1
                    self._play(handler.wfile)
        except OSError:
            pass
        finally:
            self._open.discard(handler.connection)

    def _read(self, rfile):
        first = rfile.readline().decode()
        sequence = "0"
        while line := rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            sequence = value.strip() if name.lower() == "cseq" else sequence
        return (first.split()[0], sequence) if first else None

    def _answer(self, verb, sequence):
        head, body = f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n", ""
        if verb == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        if verb == "DESCRIBE":
            body = self._sdp()
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if verb == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        if verb in {"SETUP", "PLAY"}:
            head += "Session: 1\r\n"
        return f"{head}\r\n{body}".encode()

    def _deny(self, sequence):
        return (
            f"RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\n"
            'WWW-Authenticate: Basic realm="camera"\r\n\r\n'
        ).encode()

    def _sdp(self):
        sets = [n for n in self._units[0] if n[0] & 31 in (7, 8)]
        sprop = ",".join(base64.b64encode(n).decode() for n in sets)
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\n"
            "t=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sprop}\r\n"
            "a=control:track\r\n"
        )

    def _play(self, wfile):
        sequence, is_decodable = 0, False
        k = int((time.time() - self._began) * self._fps)
        if self._clock_error_s is not None:
            wfile.write(self._sender_report(k))
        while not self.is_down:
            pause = self.taken_s(k) - time.time()
            if pause > 0:
                time.sleep(pause)
            if self.is_silent:
                is_decodable = False
            else:
                if self.delay_s:
                    time.sleep(self.delay_s)
                nals = self._units[k % len(self._units)]
                for packet in self._packets(nals, k * CLOCK_HZ // self._fps, sequence):
                    frame = struct.pack(">cBH", b"$", 0, len(packet)) + packet
                    if self.bytes_per_s is not None:
                        time.sleep(len(frame) / self.bytes_per_s)
                    wfile.write(frame)
                    sequence += 1
                self.n_sent += 1
                is_decodable |= self.is_key(k)
                if is_decodable:
                    self.shown.add(k)
            k += 1

    def _sender_report(self, k):
        seconds = self.taken_s(k) + self._clock_error_s + NTP_OFFSET_S
        ntp = round(seconds * 2**32)
        ticks = k * CLOCK_HZ // self._fps & 0xFFFFFFFF
        report = struct.pack(">BBHIQIII", 0x80, 200, 6, 7, ntp, ticks, 0, 0)
        return struct.pack(">cBH", b"$", 1, len(report)) + report

    def _packets(self, nals, ticks, sequence):
        payloads = []
        for nal in nals:
            if len(nal) <= MAX_PAYLOAD:
                payloads.append(nal)
                continue
            kind, head = nal[0] & 31, nal[0] & 0xE0 | 28
            parts = [nal[i : i + MAX_PAYLOAD] for i in range(1, len(nal), MAX_PAYLOAD)]
            for i, part in enumerate(parts):
                flag = 0x80 * (i == 0) | 0x40 * (i == len(parts) - 1)
                payloads.append(bytes([head, flag | kind]) + part)
        for i, payload in enumerate(payloads):
            marker = 0x80 * (i == len(payloads) - 1)
            number = (sequence + i) & 0xFFFF
            yield (
                struct.pack(">BBHII", 0x80, marker | 96, number, ticks & 0xFFFFFFFF, 7)
                + payload
            )


def red_film(fps, size, box_px, period_s=6.0, crossing_s=3.0):
    """One red box that crosses each period, to the right; seamless when looped."""

    def image(k):
        canvas = np.full((size[1], size[0], 3), 90, np.uint8)
        rng = np.random.default_rng(k)
        canvas += rng.integers(0, 12, canvas.shape, dtype=np.uint8)
        share = (k / fps % period_s - 1.0) / crossing_s
        if 0 <= share <= 1:
            x = round(-box_px[0] + share * (size[0] + box_px[0]))
            left, right = max(x, 0), max(x + box_px[0], 0)
            canvas[36 : 36 + box_px[1], left:right] = (235, 30, 30)
        return canvas

    return image
