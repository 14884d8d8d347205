import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.conftest import picture
from truckcount.errors import LabelError
from truckcount.labelling import picture_hash
from truckcount.labelling.picture_hash import hash_picture, link_near, unpack_hashes
from truckcount.labelling.units import NEAR_BITS


def distance(a, b):
    words = unpack_hashes([a, b])
    return int(np.bitwise_count(words[0] ^ words[1]).sum())


def street(seed):
    """A road with buildings: edges at all scales, as real pictures have them."""
    rng = np.random.default_rng(seed)
    image = picture(seed, 320, 240)
    for x, y, w, h in rng.integers(0, 160, (40, 4)):
        image[y : y + h, x : x + w] = rng.integers(0, 255, 3)
    return image


@pytest.mark.parametrize("seed", range(4))
def test_copies_of_a_picture_are_near_and_others_far(seed):
    image = street(seed)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", image, [1, 60])[1], cv2.IMREAD_COLOR)
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    own = hash_picture(image)
    assert len(own) == 64
    assert distance(own, hash_picture(jpeg)) <= NEAR_BITS
    assert distance(own, hash_picture(half)) <= NEAR_BITS
    assert distance(own, hash_picture(street(seed + 100))) > 5 * NEAR_BITS


def test_a_vehicle_in_a_fixed_picture_is_no_near_duplicate():
    assert distance(hash_picture(picture(0)), hash_picture(picture(20))) > NEAR_BITS


def components(links, n):
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def same_partition(a, b):
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    flip=st.sampled_from([0.002, 0.01, 0.03, 0.2]),
    max_bits=st.integers(0, 12),
    n=st.integers(1, 120),
    big=st.sampled_from([2, 8, 64]),
)
def test_links_reach_what_all_pairs_would_reach(seed, flip, max_bits, n, big):
    rng = np.random.default_rng(seed)
    bits = (rng.random((n, 256)) < flip) ^ (rng.integers(0, 2, 256) > 0)
    words = np.packbits(bits, axis=1).view(">u8").astype(np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picture_hash, "BIG_BUCKET", big)
        links = link_near(words, max_bits)
    far = np.bitwise_count(words[:, None] ^ words[None]).sum(-1)
    assert (links[:, 0] < links[:, 1]).all()
    assert (far[links[:, 0], links[:, 1]] <= max_bits).all()
    whole = connected_components(far <= max_bits)[1]
    assert same_partition(components(links, n), whole)


def test_many_hashes_are_compared_without_all_pairs():
    n = 20_000  # all pairs would be 200 million
    words = np.random.default_rng(1).integers(0, 2**63, (n, 4), dtype=np.uint64)
    words[n // 2 :: 2] = words[: n // 2 : 2] ^ np.uint64(5)  # two bits of each word
    links = link_near(words, 8)
    assert len(links) == n // 4
    assert (links[:, 1] - links[:, 0] == n // 2).all()


@pytest.mark.parametrize(
    "hashes", [["ab" * 8, "ab" * 32], ["xy" * 32], [""]], ids=["two", "hex", "none"]
)
def test_hashes_of_another_kind_are_refused(hashes):
    with pytest.raises(LabelError, match="hash"):
        unpack_hashes(hashes)


def test_no_hashes_are_no_words():
    assert link_near(unpack_hashes([]), 8).shape == (0, 2)
