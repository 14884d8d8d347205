"""Which frame is drawn when: a pure function of seed, epoch and position."""

import numpy as np
import numpy.typing as npt

Key = tuple[int, int, int]
"""(epoch, position in the epoch, row of the set): all that an item depends on."""


def order_epoch(
    seed: int, epoch: int, n: int, share: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.int64]:
    """Return the rows of one epoch in the order they are shown.

    Parameters
    ----------
    n : int
        Rows of the set, and draws of the epoch.
    share : float array, shape (n,), optional
        Chance of each row a draw, with replacement; without it every row once.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    if share is None:
        return np.asarray(rng.permutation(n), np.int64)
    return np.asarray(rng.choice(n, size=n, p=share), np.int64)


def batch_keys(
    rows: npt.NDArray[np.int64], epoch: int, batch_size: int, first_batch: int = 0
) -> list[list[Key]]:
    """Cut an epoch into batches, from the one on at which it was left.

    A last batch of one frame is left out: batch norm cannot learn from it.
    """
    keys = [(epoch, position, int(row)) for position, row in enumerate(rows)]
    starts = range(first_batch * batch_size, len(keys), batch_size)
    batches = [keys[s : s + batch_size] for s in starts]
    return [b for b in batches if len(b) > 1 or len(keys) == 1]


def item_rng(seed: int, key: Key) -> np.random.Generator:
    """Return the randomness of one item: the same in every worker and every run."""
    return np.random.default_rng([seed, key[0], key[1], 1])


def balanced_share(
    p_truck: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return chances that make a draw a truck as often as not.

    Soft labels count to both sides by their probability.
    """
    n_truck = float((p_truck * weight).sum())
    n_other = float(((1 - p_truck) * weight).sum())
    if n_truck == 0 or n_other == 0:
        share = weight.astype(np.float64)
    else:
        share = weight * (p_truck / n_truck + (1 - p_truck) / n_other)
    return np.asarray(share / share.sum(), np.float64)
