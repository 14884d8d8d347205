"""What is shown when depends on seed, epoch and position, and on nothing else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.training.classifier.order import (
    balanced_share,
    batch_keys,
    item_rng,
    order_epoch,
)


@given(seed=st.integers(0, 9), epoch=st.integers(0, 9), n=st.integers(1, 40))
@settings(max_examples=25)
def test_an_epoch_shows_every_row_once_in_an_order_of_its_own(seed, epoch, n):
    rows = order_epoch(seed, epoch, n)
    assert sorted(rows) == list(range(n))
    assert np.array_equal(rows, order_epoch(seed, epoch, n))
    if n > 8:
        assert not np.array_equal(rows, order_epoch(seed, epoch + 1, n))
        assert not np.array_equal(rows, order_epoch(seed + 1, epoch, n))


@given(n=st.integers(2, 50), size=st.integers(2, 9), first=st.integers(0, 4))
@settings(max_examples=25)
def test_a_resumed_epoch_shows_what_was_left_of_it(n, size, first):
    rows = order_epoch(1, 2, n)
    whole = batch_keys(rows, 2, size)
    assert batch_keys(rows, 2, size, first) == whole[first:]
    shown = [key[2] for batch in whole for key in batch]
    assert shown == rows.tolist()[: len(shown)]
    assert n - len(shown) in {0, 1}  # batch norm cannot learn from a batch of one
    assert all(len(batch) > 1 for batch in whole)


def test_balanced_draws_show_trucks_half_the_time():
    p_truck = np.array([1.0] * 10 + [0.0] * 990)
    share = balanced_share(p_truck, np.ones(1000))
    assert share.sum() == 1.0 or abs(share.sum() - 1) < 1e-12
    assert abs(share[:10].sum() - 0.5) < 1e-9
    rows = order_epoch(0, 0, 1000, share)
    assert 400 < (rows < 10).sum() < 600


def test_weights_and_soft_labels_count_in_the_balance():
    share = balanced_share(np.array([1.0, 0.5, 0.0]), np.array([1.0, 2.0, 1.0]))
    assert np.allclose(share, [0.25, 0.5, 0.25])
    assert np.allclose(balanced_share(np.zeros(4), np.ones(4)), 0.25)


def test_an_item_has_a_randomness_of_its_own():
    draws = {
        float(item_rng(seed, (epoch, position, 7)).random())
        for seed in (0, 1)
        for epoch in (0, 1)
        for position in (0, 1)
    }
    assert len(draws) == 8
    assert item_rng(0, (1, 2, 7)).random() == item_rng(0, (1, 2, 99)).random()
