"""Packets to those that samples need, where samples stay the very same.

A GOP that is followed by a picture which cuts off all before it (IDR) need not be
decoded beyond its last sample; of frames that nobody refers to, only the samples.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from truckcount.video.clock import FrameClock
from truckcount.video.nonref import (
    head_of,
    is_reference,
    nal_length_size,
    nal_starts,
)

MAX_HELD = 128  # packets that wait for the end of their GOP
N_TICKS = 64  # whose first frame is remembered: no decoder reorders that far
H264_SLICE, H264_IDR, H264_PARAMETERS = 1, 5, frozenset({7, 8, 13, 15})
HEVC_IDR, HEVC_PARAMETERS = frozenset({19, 20}), frozenset({32, 33, 34})
HEVC_LAST_SLICE = 31
DISCARDS_PRIOR = 0x40  # in an HEVC slice: pictures that wait are not shown

Placed = tuple[int, int]
"""Tick and UTC (microseconds) of a frame."""


class UnseenSieve:
    """Packets to the same, less those that no sample needs.

    Parameters
    ----------
    codec : str
        ``h264`` or ``hevc``.
    place : callable
        Packet to where its frame falls; None where only decoding tells: then nothing
        is left out.
    has_nonref : bool
        Look for frames that nobody refers to.
    """

    def __init__(
        self,
        codec: str,
        extradata: bytes | None,
        place: Callable[[Any], Placed | None],
        *,
        has_nonref: bool,
    ) -> None:
        self._codec = codec
        self._length_size = nal_length_size(codec, extradata)
        self._place = place
        self._has_nonref = has_nonref
        self._first_us: dict[int, int] = {}
        self._latest_us: int | None = None
        self._is_off = False
        self._held: deque[tuple[Any, bool]] = deque()
        self.n_left_out = 0
        """Packets so far."""
        self.joints: set[int] = set()
        """UTC of frames that now follow another more than a frame later."""

    def sift(self, marked: Iterable[tuple[Any, bool]]) -> Iterator[tuple[Any, bool]]:
        """Yield packets in their order, each with whether its frame may be skipped.

        Parameters
        ----------
        marked : iterable of (packet, bool)
            In the order of decoding; a frame that may be skipped is no sample.
        """
        for packet, may_skip in marked:
            placed = self._place_next(packet)
            if placed is None:
                yield from self._release()
                yield packet, may_skip
                continue
            if packet.is_keyframe and self._held and self._cuts_off(packet):
                self.n_left_out += len(self._held)
                self._held.clear()
                self.joints.add(placed[1])
            tick, t_us = placed
            if may_skip or self._first_us.get(tick, t_us) < t_us:
                self._held.append((packet, may_skip or self._is_nonref(packet)))
                if len(self._held) > MAX_HELD:
                    yield from self._release()
                continue
            self._first_us[tick] = t_us
            if len(self._first_us) > N_TICKS:
                del self._first_us[min(self._first_us)]
            yield from self._release()
            yield packet, False
        yield from self._release()

    def _place_next(self, packet: Any) -> Placed | None:
        """Place a packet; None for ever once times are none of one clock."""
        placed = None if self._is_off else self._place(packet)
        if placed is None:
            return None
        last_us, t_us = self._latest_us, placed[1]
        if last_us is not None:
            # what a key frame that goes back is shown over, frames must tell
            goes_back = last_us - t_us >= FrameClock.MIN_JUMP_US or (
                packet.is_keyframe and t_us <= last_us
            )
            if goes_back or t_us - last_us > FrameClock.MAX_LEAP_US:
                self._is_off = True
                return None
        self._latest_us = t_us if last_us is None else max(t_us, last_us)
        return placed

    def _cuts_off(self, packet: Any) -> bool:
        """Tell whether what is held is needed by nothing from this packet on."""
        head = head_of(packet)
        for start in nal_starts(head, self._length_size):
            if self._codec == "h264":
                kind = head[start] & 0x1F
                if H264_SLICE <= kind <= H264_IDR:
                    return kind == H264_IDR and not self._holds_parameters()
                continue
            kind = (head[start] >> 1) & 0x3F
            if kind <= HEVC_LAST_SLICE:
                return (
                    kind in HEVC_IDR
                    and start + 2 < len(head)
                    and not head[start + 2] & DISCARDS_PRIOR
                    and not self._holds_parameters()
                )
        return False

    def _holds_parameters(self) -> bool:
        """Tell whether what is held carries what later pictures may need."""
        for packet, _ in self._held:
            head = head_of(packet)
            for start in nal_starts(head, self._length_size):
                if self._codec == "h264":
                    if head[start] & 0x1F in H264_PARAMETERS:
                        return True
                elif (head[start] >> 1) & 0x3F in HEVC_PARAMETERS:
                    return True
        return False

    def _is_nonref(self, packet: Any) -> bool:
        if not self._has_nonref or packet.is_keyframe:
            return False
        verdict = is_reference(head_of(packet), self._codec, self._length_size)
        return verdict is False

    def _release(self) -> Iterator[tuple[Any, bool]]:
        while self._held:
            yield self._held.popleft()
