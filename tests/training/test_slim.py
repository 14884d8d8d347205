"""A slimmer network that lost only what it could spare says the same."""

import numpy as np
import pytest
import torch

from truckcount.errors import ModelError
from truckcount.presence.truckmap import LITE0_TRUNK, TruckMap
from truckcount.training.early import learn_early
from truckcount.training.slim import Fit, Slimming, early_blocks

TRUNK = (
    (16, 8, 3, 1, 16),
    (8, 8, 3, 2, 24),
    (8, 16, 3, 2, 24),
    (16, 16, 3, 1, 48),
    (16, 24, 3, 2, 48),
)
SLIM = (
    (10, 8, 3, 1, 10),
    (8, 8, 3, 2, 12),
    (8, 16, 3, 2, 12),
    (16, 16, 3, 1, 24),
    (16, 24, 3, 2, 24),
)


def positions(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(4000, n, generator=torch.Generator().manual_seed(seed))


def test_least_squares_are_numpys():
    x, w = positions(5), positions(1, 3)[:, 0]
    y = torch.sin(3 * x) @ torch.rand(5, 2)
    fit = Fit(5, 2)
    fit.add(x[:1000], y[:1000], w[:1000])
    fit.add(x[1000:], y[1000:], w[1000:])
    weights, bias, error = fit.solve()
    root = w.sqrt()[:, None].numpy()
    a = np.concatenate([x.numpy(), np.ones((4000, 1))], 1)
    expected, *_ = np.linalg.lstsq(a * root, y.numpy() * root, rcond=None)
    assert np.allclose(weights.numpy(), expected[:-1].T, atol=2e-3)
    assert np.allclose(bias.numpy(), expected[-1], atol=2e-3)
    left = ((a @ expected - y.numpy()) ** 2 * w[:, None].numpy()).sum()
    assert error == pytest.approx(left / (y**2 * w[:, None]).sum().item(), rel=0.02)


def test_what_others_can_make_up_for_is_left_out():
    """Of two equal inputs one goes; the only one of its kind stays, light as it is."""
    x = positions(4)
    x = torch.cat([x, x[:, :1], 1 - x[:, 1:2]], 1)
    y = torch.stack([5 * x[:, 0] + 3 * x[:, 1], 0.3 * x[:, 2], 0.2 * x[:, 3]], 1)
    fit = Fit(6, 3)
    fit.add(x, y, torch.ones(4000))
    kept = set(fit.eliminate(4).tolist())
    assert {2, 3} <= kept
    assert len(kept & {0, 4}) == len(kept & {1, 5}) == 1
    assert fit.solve(torch.tensor(sorted(kept)))[2] < 1e-4


def test_weighted_positions_count_for_more():
    x = positions(2)
    y = torch.where(torch.arange(4000) < 100, x[:, 0], x[:, 1])[:, None]
    fit = Fit(2, 1)
    fit.add(x, y, torch.where(torch.arange(4000) < 100, 1e4, 1e-4))
    assert fit.eliminate(1).tolist() == [0]


@pytest.fixture
def views() -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(5)
    small = torch.randint(0, 256, (6, 3, 16, 24), generator=rng).float()
    big = torch.nn.functional.interpolate(small, (64, 96), mode="bicubic")
    return list(big.clamp(0, 255).to(torch.uint8).split(3))


def settled(network: TruckMap, views: list[torch.Tensor]) -> TruckMap:
    """Give every norm the statistics of what it sees, as training would."""
    network.train()
    with torch.no_grad():
        for _ in range(60):
            network(views[0])
    return network.eval()


def test_channels_that_say_nothing_are_spared(views):
    """With half of each block's channels silent, half of them is all that is needed."""
    torch.manual_seed(0)
    wide = TruckMap(TRUNK, 16, has_refine=True)
    with torch.no_grad():
        for row, slim_row, block in zip(TRUNK, SLIM, wide.blocks, strict=True):
            silent = torch.randperm(row[4])[slim_row[4] :]
            block.project.conv.weight[:, silent] = 0.0
        wide.lateral8.norm.weight[8:] = wide.lateral16.norm.weight[8:] = 0.0
        wide.fuse.norm.weight[8:] = wide.refine.norm.weight[8:] = 0.0
    wide = settled(wide, views)
    slim = TruckMap(SLIM, 8, has_refine=True)
    Slimming(wide, slim, views).run()
    with torch.no_grad():
        a, b = wide(views[1]).heat, slim(views[1]).heat
    assert (a - b).abs().max() < 0.05 * a.std() + 0.01


def test_a_slim_start_is_nearer_than_the_heaviest_channels_alone(views):
    torch.manual_seed(1)
    wide = settled(TruckMap(TRUNK, 16, has_refine=True), views)
    slim = TruckMap(SLIM, 16, has_refine=True)
    Slimming(wide, slim, views).run()
    with torch.no_grad():
        a, b = wide(views[0]).heat, slim(views[0]).heat
    assert ((a - b) ** 2).mean() < 0.5 * a.var()


PLAIN_START = ((12, 24, 3, 2, 0), (24, 8, 3, 1, 48), *SLIM[2:])


def test_other_first_blocks_are_learned_and_the_rest_is_slimmed(views):
    torch.manual_seed(1)
    wide = settled(TruckMap(TRUNK, 16, has_refine=True), views)
    slim = TruckMap(PLAIN_START, 16, has_refine=True)
    assert early_blocks(wide, slim) == (2, 2)
    rng = torch.Generator().manual_seed(2)

    def draw_views(n: int) -> torch.Tensor:
        every = torch.cat(views)
        return every[torch.randint(len(every), (n,), generator=rng)]

    left = learn_early(slim, wide, draw_views, n_steps=400, batch_size=4)
    assert left < 0.6
    Slimming(wide, slim, views).run()
    with torch.no_grad():
        a, b = wide(views[0]).heat, slim(views[0]).heat
    assert ((a - b) ** 2).mean() < 0.6 * a.var()


def test_where_all_blocks_match_none_is_learned(views):
    wide, slim = (TruckMap(t, 8, has_refine=True) for t in (TRUNK, SLIM))
    assert early_blocks(wide, slim) == (0, 0)
    with pytest.raises(ModelError, match="every block"):
        learn_early(slim, wide, lambda n: views[0][:n])


def test_other_blocks_are_refused():
    wide = TruckMap(LITE0_TRUNK, 8, has_refine=True)
    with pytest.raises(ModelError, match="not a slimmer form"):
        Slimming(wide, TruckMap(TRUNK, 8, has_refine=True), [])
    with pytest.raises(ModelError, match="not a slimmer form"):
        Slimming(wide, TruckMap(LITE0_TRUNK, 8), [])
