"""A narrower network begins with what weighs most in the wider one."""

import pytest
import torch

from truckcount.presence.truckmap import LITE0_TRUNK, TRUNK, TruckMap
from truckcount.training.narrow import narrow_trunk


@pytest.fixture(scope="module")
def wide():
    torch.manual_seed(0)
    return TruckMap(LITE0_TRUNK, 8)


def test_every_residual_block_finds_its_wider_one(wide):
    filled = narrow_trunk(TruckMap(), wide.state_dict(), LITE0_TRUNK)
    assert [i for i, _ in filled] == [i for i, row in enumerate(TRUNK) if row[4]]
    for i, j in filled:
        assert TRUNK[i][:4] == LITE0_TRUNK[j][:4]


def test_as_wide_a_block_is_the_same_block(wide):
    network = TruckMap(LITE0_TRUNK, 8).eval()
    narrow_trunk(network, wide.state_dict(), LITE0_TRUNK)
    x = torch.rand(1, 24, 8, 10)
    assert torch.equal(network.blocks[2](x), wide.eval().blocks[2](x))


def test_the_channels_that_weigh_nothing_are_the_ones_left_out(wide):
    """With all but the kept channels silent in the wide block, both say the same."""
    state = {name: t.clone() for name, t in wide.state_dict().items()}
    silent = torch.randperm(240, generator=torch.manual_seed(1))[80:]
    state["blocks.4.project.conv.weight"][:, silent] = 0.0
    wider = TruckMap(LITE0_TRUNK, 8)
    wider.load_state_dict(state)
    network = TruckMap()
    narrow_trunk(network, state, LITE0_TRUNK)
    x = torch.rand(1, 40, 8, 10)
    expected = wider.eval().blocks[4](x)
    assert torch.allclose(network.eval().blocks[3](x), expected, atol=1e-5)


def test_a_narrower_stem_that_lost_only_silence_gives_the_same_map():
    torch.manual_seed(1)
    wider = TruckMap(((16, 24, 3, 2, 0), *TRUNK[1:])).eval()
    state = {name: t.clone() for name, t in wider.state_dict().items()}
    silent = torch.randperm(16, generator=torch.manual_seed(2))[8:]
    state["blocks.0.conv.weight"][:, silent] = 0.0
    state["stem.norm.weight"][silent] = 0.01
    wider.load_state_dict(state)
    network = TruckMap(((8, 24, 3, 2, 0), *TRUNK[1:])).eval()
    narrow_trunk(network, state, wider.trunk)
    views = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    assert torch.allclose(network(views).heat, wider(views).heat, atol=1e-4)


def test_a_head_of_another_width_is_left_as_it_was(wide):
    network = TruckMap()
    before = network.out.weight.clone()
    narrow_trunk(network, wide.state_dict(), LITE0_TRUNK)
    assert torch.equal(network.out.weight, before)
