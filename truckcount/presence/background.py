"""What a fixed camera always sees, and how far a picture differs from it.

A parked van and a road sign are there in every picture, a truck that drives by is
not: detectors for any picture cannot use that, a network for fixed cameras can
(``benchmarks.background_input``). The background of a view is the median of pictures
of up to the last three minutes, as in [1]_; its difference is the network's fourth
channel. Samples wait until the first background is known.

References
----------
.. [1] Cucchiara et al., Detecting moving objects, ghosts and shadows in video
   streams: https://doi.org/10.1109/TPAMI.2003.1233909
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.sample import FLAG_MOVED, Sample

UInt8 = npt.NDArray[np.uint8]

COLOURS = 3
SAME = 127
"""Of the fourth channel where a picture is as ever, and where nothing is known: the
input's mean, so that the network reads zero."""
MOST_APART = 255 - SAME
QUIET_SHARE = 0.2  # of a view moves never; it says how noise and light differ
LEAST_PICTURES = 5  # fewer have the traffic itself as their median
MOST_PICTURES = 25
MOST_BYTES = 48_000_000  # of pictures, and of waiting views, however many gates
WAIT_US = 10_000_000
WAIT_PICTURES = 10  # stills come once in a while
FIRST_GAP_US, LAST_GAP_US = 400_000, 5_000_000
NEW_SHARE = 0.25  # of the pictures; then the median is taken anew
MOST_STRANGE = 24  # levels that half of a picture differs from a background, usually


def median_of(pictures: Sequence[UInt8]) -> UInt8:
    """Return the median of pictures of one shape, pixel by pixel.

    Whole pictures are sorted by Batcher's network: 20 times faster than
    ``np.partition``, which sorts each pixel on its own. Of an even number the upper
    median is taken, a value that was seen.
    """
    line = list(pictures)
    for low, high in _comparators(len(line)):
        a, b = line[low], line[high]
        line[low], line[high] = np.minimum(a, b), np.maximum(a, b)
    return line[len(line) // 2]


def background_of(pictures: Sequence[UInt8]) -> UInt8 | None:
    """Return what pictures of one shape have in common.

    Returns
    -------
    uint8 array of that shape, or None
        When they are too few, or half of the usual picture is something else: the
        camera moves, or they are of several.
    """
    if len(pictures) < LEAST_PICTURES:
        return None
    background = median_of(pictures)
    some = background[::8, ::8].astype(np.int16)
    apart = [np.median(np.abs(one[::8, ::8] - some)) for one in pictures]
    return background if np.median(apart) <= MOST_STRANGE else None


def blocks_of(cameras: Sequence[object]) -> list[list[int]]:
    """Return the rows of each camera, in blocks that are long enough for a background.

    Parameters
    ----------
    cameras : sequence
        Name of the camera of every row; the order in which it saw them.
    """
    rows: dict[object, list[int]] = {}
    for row, camera in enumerate(cameras):
        rows.setdefault(camera, []).append(row)
    blocks = []
    for mine in rows.values():
        n = max(1, round(len(mine) / MOST_PICTURES))
        blocks += [block.tolist() for block in np.array_split(np.array(mine), n)]
    return blocks


@cache
def _comparators(n: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs that sort n values when each is put in order, one by one.

    References
    ----------
    Knuth, The Art of Computer Programming 3, algorithm 5.2.2M.
    """
    pairs = []
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        pairs.append((i, i + k))
            k //= 2
        p *= 2
    return tuple(pairs)


def add_difference(view: UInt8, background: UInt8 | None) -> UInt8:
    """Return a view with its fourth channel.

    Parameters
    ----------
    view : uint8 array, shape (H, W, 3)
    background : uint8 array of that shape, or None where it is not known

    Returns
    -------
    uint8 array, shape (H, W, 4)
        The fourth is ``SAME`` and as many levels more as the colour differs most,
        less what the quietest part of the view differs.
    """
    fourth = _difference(view, background)
    return np.asarray(cv2.merge([*cv2.split(view), fourth]), np.uint8)


def _difference(view: UInt8, background: UInt8 | None) -> UInt8:
    if background is None:
        return np.full(view.shape[:2], SAME, np.uint8)
    red, green, blue = cv2.split(cv2.absdiff(view, background))
    apart = cv2.blur(cv2.max(cv2.max(red, green), blue), (3, 3))
    some = apart[::4, ::4].ravel()
    rank = int(QUIET_SHARE * some.size)
    quiet = int(np.partition(some, rank)[rank])
    more = cv2.min(cv2.subtract(apart, quiet), MOST_APART)
    return np.asarray(more, np.uint8) + np.uint8(SAME)


def complete_views(views: Any, n_channels: int) -> Any:
    """Give views of colours alone the channels a network wants: nothing is known.

    Parameters
    ----------
    views : uint8 array or tensor, shape (N, H, W, C)
    """
    missing = n_channels - views.shape[3]
    if missing <= 0:
        return views
    shape = (*views.shape[:3], missing)
    if isinstance(views, np.ndarray):
        return np.concatenate([views, np.full(shape, SAME, np.uint8)], axis=3)
    import torch  # it is a tensor: torch is loaded already

    return torch.cat([views, views.new_full(shape, SAME)], dim=3)


class Background:
    """One view's background, as far as it is known.

    Parameters
    ----------
    most_pictures : int
        That are kept, at least ``LEAST_PICTURES``.
    """

    def __init__(self, most_pictures: int = MOST_PICTURES) -> None:
        self._most = most_pictures
        self.picture: UInt8 | None = None
        self._kept: list[UInt8] = []
        self._gap_us = FIRST_GAP_US
        self._newest_us: int | None = None
        self._n_new = 0

    def __len__(self) -> int:
        """Count the pictures kept."""
        return len(self._kept)

    def learn(self, t_us: int, view: UInt8) -> None:
        """Take a usable picture, if the last one taken is old enough."""
        if self._newest_us is not None and t_us - self._newest_us < self._gap_us:
            return
        if len(self._kept) == self._most:
            if self._gap_us < LAST_GAP_US:  # a longer time in as many pictures
                self._kept = self._kept[::2]
                self._gap_us *= 2
            else:
                del self._kept[0]
        self._kept.append(view)
        self._newest_us = t_us
        self._n_new += 1

    def renew(self) -> None:
        """Take the median anew, if enough is new."""
        n = len(self._kept)
        if n >= LEAST_PICTURES and self._n_new >= NEW_SHARE * n:
            self.picture = background_of(self._kept)
            self._n_new = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample with what is known of its views' backgrounds."""

    sample: Sample
    backgrounds: tuple[UInt8 | None, ...] = ()
    """One a view; none of a sample that is not scored."""


class Backgrounds:
    """The backgrounds of all views of a clip; samples wait for the first ones.

    What is known depends on the samples alone, not on how they are scored.
    """

    def __init__(self) -> None:
        self._waiting: list[Sample] = []
        self._views: list[Background] = []
        self._is_known = False

    def take(self, sample: Sample) -> list[Shown]:
        """Take a sample; return those that need wait no longer, in order."""
        if sample.quality_flags & FLAG_MOVED:  # another picture altogether
            shown = self.flush()
            self._views, self._is_known = [], False
            return [*shown, Shown(sample)]
        n_bytes = sum(_size(view) for view in sample.views)
        if not sample.quality_flags:
            if not self._views:
                most = min(max(MOST_BYTES // n_bytes, LEAST_PICTURES), MOST_PICTURES)
                self._views = [Background(most) for _ in sample.views]
            for one, view in zip(self._views, sample.views, strict=True):
                one.learn(sample.t_us, _on_host(view))
        if self._is_known:
            return [self._show(sample)]
        self._waiting.append(sample)
        is_long = sample.t_us - self._waiting[0].t_us >= WAIT_US
        n_pictures = min((len(one) for one in self._views), default=0)
        is_full = len(self._waiting) * n_bytes >= MOST_BYTES
        if is_full or (is_long and n_pictures >= WAIT_PICTURES):
            return self.flush()
        return []

    def flush(self) -> list[Shown]:
        """Return the samples that wait: nothing more will be known of them."""
        waiting, self._waiting = self._waiting, []
        self._is_known = True
        return [self._show(sample) for sample in waiting]

    def _show(self, sample: Sample) -> Shown:
        for one in self._views:
            one.renew()
        return Shown(sample, tuple(one.picture for one in self._views))


def _on_host(view: Any) -> UInt8:
    return view if isinstance(view, np.ndarray) else np.asarray(view.cpu())


def _size(view: Any) -> int:
    return int(np.prod(view.shape))
