"""A clip to longer and shorter ones of the same pictures, without re-encoding."""

import itertools
import statistics
from pathlib import Path
from typing import Any

import av

from truckcount.errors import BenchError


def loop_clip(
    clip: Path, n_loops: int, target: Path, *, until_s: float | None = None
) -> float:
    """Write a clip several times end to end.

    Parameters
    ----------
    n_loops : int
    target : Path
        Its suffix names the container.
    until_s : float, optional
        Take only so many seconds of the clip; at least one packet.

    Returns
    -------
    float
        Seconds of video written.

    Raises
    ------
    BenchError
        When the clip has no video or no times.
    """
    try:
        with av.open(str(clip)) as source, av.open(str(target), "w") as file:
            stream = source.streams.video[0]
            base = stream.time_base
            packets = _read_packets(source, stream, until_s)
            times = sorted(p.pts for p in packets)
            steps = [b - a for a, b in itertools.pairwise(times)]
            step = round(statistics.median(steps)) if steps else 1
            span = times[-1] - times[0] + step
            out = file.add_stream_from_template(stream)
            for k in range(n_loops):
                for packet in packets:
                    file.mux(_moved(packet, out, k * span, base))
    except (av.error.FFmpegError, IndexError, TypeError) as error:
        raise BenchError(f"{clip}: cannot be looped: {error}") from error
    return float(n_loops * span * base)


def container_suffix(clip: Path) -> str:
    """Return the suffix of a container that holds what this clip holds."""
    return ".mp4" if clip.suffix.lower() in {".mp4", ".mov", ".m4v"} else ".mkv"


def _read_packets(source: Any, stream: Any, until_s: float | None) -> list[Any]:
    packets: list[Any] = []
    for packet in source.demux(stream):
        if not packet.size:
            continue
        if packets and until_s is not None:
            # in decoding order, so that what is kept can all be decoded
            dts_s = (packet.dts - packets[0].dts) * packet.time_base
            if dts_s >= until_s:
                break
        packets.append(packet)
    return packets


def _moved(packet: Any, stream: Any, by: int, base: Any) -> Any:
    """Copy a packet to a later time: muxing changes the packet it is given."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts = packet.pts + by, packet.dts + by
    copy.duration = packet.duration
    copy.time_base = base
    copy.is_keyframe = packet.is_keyframe
    copy.stream = stream
    return copy
