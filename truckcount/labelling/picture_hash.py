"""Pictures to perceptual hashes, and hashes to pairs that look alike.

A hash keeps which low frequencies of the picture are stronger than their median
(a DCT hash), 256 bits: on a fixed camera the background is all alike, and 64 bits
cannot tell an empty road from one with a truck.

References
----------
C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
2010.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError

N_BITS = 256
SIDE = 16  # low frequencies kept, each way
SMALL_PX = 64  # side of the picture that is transformed


def hash_picture(image: npt.NDArray[np.uint8]) -> str:
    """Hash a picture.

    Parameters
    ----------
    image : uint8, shape (H, W, 3) or (H, W), BGR as OpenCV reads it
        The order matters: red and blue weigh differently in grey.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    small = cv2.resize(grey, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:SIDE, :SIDE].ravel()
    bits = waves > np.median(waves)
    return np.packbits(bits).tobytes().hex()


def unpack_hashes(hashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Turn hexadecimal hashes of one length into words.

    Returns
    -------
    uint64, shape (N, W), 64 bits a word
    """
    if not len(hashes):
        return np.zeros((0, N_BITS // 64), np.uint64)
    lengths = {len(h) for h in hashes}
    if len(lengths) != 1 or next(iter(lengths)) % 16 or 0 in lengths:
        msg = (
            f"perceptual hashes of {sorted(lengths)} digits in one set; all must have "
            "one length, a multiple of 16 digits"
        )
        raise LabelError(msg)
    try:
        data = bytes.fromhex("".join(hashes))
    except ValueError as error:
        msg = f"a perceptual hash is not hexadecimal: {error}"
        raise LabelError(msg) from error
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(len(hashes), -1)


def link_near(words: npt.NDArray[np.uint64], max_bits: int) -> npt.NDArray[np.int64]:
    """Link pictures whose hashes differ in few bits.

    The links are enough to walk from any picture to any other that is reached by
    steps of at most `max_bits`; not every such pair is listed. Two hashes that
    differ in k bits agree in at least one of k + 1 bands (pigeonhole), so only
    hashes that share a band are compared and none is missed.

    Parameters
    ----------
    words : uint64, shape (N, W)
    max_bits : int
        Largest Hamming distance that links.

    Returns
    -------
    int64, shape (E, 2)
        Rows i < j.
    """
    unique, first, which = np.unique(
        words, axis=0, return_index=True, return_inverse=True
    )
    which = which.ravel()
    rows = np.arange(len(words), dtype=np.int64)
    is_copy = rows != first[which]
    copies = np.stack([first[which][is_copy], rows[is_copy]], axis=1)
    links = [copies]
    if max_bits > 0 and len(unique) > 1:
        for bucket in _bands(unique, max_bits + 1):
            near = _link_bucket(unique, bucket, max_bits)
            links.append(np.sort(first[near], axis=1))
    return np.unique(np.concatenate(links).astype(np.int64), axis=0)


BIG_BUCKET = 64  # of hashes; larger ones are walked, smaller ones compared pairwise


def _bands(
    unique: npt.NDArray[np.uint64], n_bands: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield, band by band, the rows in order of that band's bits, with their key.

    Each item has shape (2, N): rows, and a number that is equal for equal bands.
    """
    n, n_words = unique.shape
    bits = np.unpackbits(unique.astype(">u8").view(np.uint8).reshape(n, -1), axis=1)
    # low frequencies change together: mixed, no band is all stable or all noise
    mixed = np.random.default_rng(0).permutation(64 * n_words)
    for columns in np.array_split(mixed, min(n_bands, 64 * n_words)):
        packed = np.packbits(bits[:, columns], axis=1)
        width = -(-packed.shape[1] // 8) * 8
        padded = np.zeros((n, width), np.uint8)
        padded[:, : packed.shape[1]] = packed
        _, key = np.unique(padded.view(np.uint64), axis=0, return_inverse=True)
        order = np.argsort(key.ravel(), kind="stable")
        yield np.stack([order, key.ravel()[order]])


def _link_bucket(
    unique: npt.NDArray[np.uint64], band: npt.NDArray[np.int64], max_bits: int
) -> npt.NDArray[np.int64]:
    """Link the hashes of equal bands: small buckets all pairs, big ones walked."""
    rows, key = band
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(starts, append=len(key))
    links = [np.zeros((0, 2), np.int64)]
    size_of = np.repeat(sizes, sizes)
    small = np.flatnonzero((size_of > 1) & (size_of <= BIG_BUCKET))
    for step in range(1, BIG_BUCKET):
        low = small[small + step < len(key)]
        small = low[key[low] == key[low + step]]
        if not len(small):
            break
        a, b = rows[small], rows[small + step]
        is_near = _distance(unique[a], unique[b]) <= max_bits
        links.append(np.stack([a[is_near], b[is_near]], axis=1))
    for start, size in zip(starts, sizes, strict=True):
        if size > BIG_BUCKET:
            links.append(_walk(unique, rows[start : start + size], max_bits))
    return np.concatenate(links)


def _walk(
    unique: npt.NDArray[np.uint64], members: npt.NDArray[np.int64], max_bits: int
) -> npt.NDArray[np.int64]:
    """Link a big bucket: what a step reached need not be reached again."""
    left, links = members, []
    while len(left):
        queue, left = [left[0]], left[1:]
        while queue and len(left):
            here = queue.pop()
            is_near = _distance(unique[left], unique[here]) <= max_bits
            found, left = left[is_near], left[~is_near]
            links += [(here, row) for row in found]
            queue += list(found)
    return np.array(links, np.int64).reshape(-1, 2)


def _distance(
    a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    n_bits = np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int64)
    return np.asarray(n_bits, np.int64)
