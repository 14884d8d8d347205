"""Pictures of one camera to that camera's background, for networks that see both."""

from collections.abc import Callable, Iterable

import numpy as np

from truckcount.presence.background import (
    LEAST_PICTURES,
    MOST_PICTURES,
    UInt8,
    background_of,
)
from truckcount.training.label_set import LabelledPicture
from truckcount.training.pools import Pools

N_OTHERS = 3
"""Backgrounds of fewer pictures, as of a clip of seconds: ghosts and all."""
RECORDINGS, SCENES = ("tfl_625", "uk_m6"), ("rf100_toll_id", "rendered", "atl_v2")
"""Sets whose pictures are named ``<clip>@<second>``, and whose group is a camera."""


def add_pool_backgrounds(pools: Pools, seed: int = 0) -> dict[str, int]:
    """Give the pictures of the shared sets' fixed cameras their backgrounds.

    Returns
    -------
    dict
        How many pictures of each pool have one.
    """
    rng = np.random.default_rng(seed)
    known = dict.fromkeys(pools, 0)
    for name in pools.keys() & {*RECORDINGS}:
        known[name] = add_backgrounds(pools[name], lambda p: p.name.split("@")[0], rng)
    for name in pools.keys() & {*SCENES}:
        known[name] = add_backgrounds(pools[name], lambda p: p.group, rng)
    return known


def add_backgrounds(
    pictures: Iterable[LabelledPicture],
    camera_of: Callable[[LabelledPicture], str],
    rng: np.random.Generator,
) -> int:
    """Give pictures their cameras' backgrounds; return how many have one.

    Parameters
    ----------
    camera_of : callable
        Picture to what shares its background.
    """
    by_camera: dict[tuple[str, tuple[int, ...]], list[LabelledPicture]] = {}
    for picture in pictures:
        key = camera_of(picture), picture.image.shape
        by_camera.setdefault(key, []).append(picture)
    n_known = 0
    for group in by_camera.values():
        backgrounds = _backgrounds_of([p.image for p in group], rng)
        for picture in group:
            picture.backgrounds = backgrounds
        n_known += len(group) if backgrounds else 0
    return n_known


def _backgrounds_of(
    pictures: list[UInt8], rng: np.random.Generator
) -> tuple[UInt8, ...]:
    """Return the background by many pictures, and those by a few each."""
    counts = [MOST_PICTURES, *rng.integers(LEAST_PICTURES, 12, N_OTHERS)]
    found = [_background_by(pictures, int(n), rng) for n in counts]
    return tuple(one for one in found if one is not None)


def _background_by(
    pictures: list[UInt8], n: int, rng: np.random.Generator
) -> UInt8 | None:
    if len(pictures) <= n:
        return background_of(pictures)
    chosen = rng.choice(len(pictures), n, replace=False)
    return background_of([pictures[i] for i in chosen])
