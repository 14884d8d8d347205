"""A truck's score moves with its size in the view, within bounds."""

import math

import pytest
import torch

from truckcount.presence.truckmap import SIZE_NORM_PX, TruckMap, shift_by_size

TRUNK = [(8, 16, 3, 2, 0), (16, 16, 3, 2, 16), (16, 16, 3, 2, 16)]


def logs_of(*sizes_px):
    """Square boxes as the network says their sizes."""
    log = torch.tensor([math.log(s / 16) for s in sizes_px])
    return log[None, None, None, :].expand(1, 2, 1, len(sizes_px))


def test_a_box_of_the_norm_moves_nothing_and_others_by_the_factor():
    shift = shift_by_size(logs_of(SIZE_NORM_PX, 20, 60, 2, 300), gain=0.8)
    norm, half, larger, tiny, huge = shift.flatten().tolist()
    assert norm == pytest.approx(0, abs=1e-6)
    assert half == pytest.approx(-0.8 * math.log(2))
    assert larger == pytest.approx(0.8 * math.log(1.5))
    assert (tiny, huge) == (pytest.approx(-1.2), pytest.approx(0.56))


def test_a_long_box_is_as_large_as_a_square_of_its_area():
    size = torch.tensor([math.log(80 / 16), math.log(20 / 16)])[None, :, None, None]
    assert float(shift_by_size(size, 1.0)) == pytest.approx(0, abs=1e-6)


def test_only_trucks_move_and_no_gradient_goes_through_the_size():
    torch.manual_seed(0)
    plain = TruckMap(TRUNK, 16).eval()
    gained = TruckMap(TRUNK, 16, size_gain=0.8).eval()
    gained.load_state_dict(plain.state_dict())
    views = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    before, after = plain(views), gained(views)
    moved = shift_by_size(before.size, 0.8)
    assert torch.allclose(after.heat[:, 0], before.heat[:, 0] + moved, atol=1e-5)
    assert torch.equal(after.heat[:, 1:], before.heat[:, 1:])
    after.heat[:, 0].sum().backward()
    grad = gained.out.weight.grad
    assert grad is not None
    n_classes = before.heat.shape[1]
    assert float(grad[n_classes:].abs().sum()) == 0
    assert float(grad[0].abs().sum()) > 0
