"""Packets to how far key frames are apart: where close enough, they alone will do."""

import itertools
from collections.abc import Iterable
from typing import Any

import av

from truckcount.video.probe import open_container
from truckcount.video.sources import Source

KEY_GAP_TICKS = 1.2  # of a tick: key frames a little late leave no tick empty for long


def longest_key_gap_us(packets: Iterable[Any]) -> int | None:
    """Return the longest time between key frames, microseconds.

    None where packets have no time or fewer than three are key frames.
    """
    times = []
    for packet in packets:
        if packet.size == 0 or not packet.is_keyframe:
            continue
        if packet.pts is None or packet.time_base is None:
            return None
        times.append(int(packet.pts * packet.time_base * 1_000_000))
    if len(times) < 3:
        return None
    return max(b - a for a, b in itertools.pairwise(sorted(times)))


def measure_key_gap_us(source: Source, until_s: float) -> int | None:
    """Read a source's first packets, undecoded; return its longest key frame gap.

    None also where the container cannot be read so far.
    """
    with open_container(source) as container:
        stream = container.streams.video[0]
        packets = []
        try:
            for packet in container.demux(stream):
                if not packet.is_keyframe:
                    continue
                packets.append(packet)
                if packet.pts is not None and packet.pts * packet.time_base > until_s:
                    break
        except av.error.FFmpegError:
            return None
        return longest_key_gap_us(packets)
