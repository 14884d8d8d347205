"""The loss falls when the map comes nearer to what it should be."""

import torch

from truckcount.presence.truckmap import TruckMapOutput
from truckcount.training.losses import focal_loss, map_loss

TARGET = torch.zeros(1, 3, 6, 8)
TARGET[0, 0, 2, 3] = 1.0
TARGET[0, 0, 2, 4] = 0.6
TRUST = torch.ones(1, 1, 6, 8)


def loss_at(centre_logit, rest_logit, trust=TRUST):
    heat = torch.full((1, 3, 6, 8), float(rest_logit))
    heat[0, 0, 2, 3] = centre_logit
    return float(focal_loss(heat, TARGET, trust))


def test_it_falls_as_the_centre_gets_surer():
    losses = [loss_at(c, -3) for c in (-4, -2, 0, 2, 4)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.1 * losses[0]


def test_it_falls_as_the_background_gets_quieter():
    losses = [loss_at(2, r) for r in (3, 0, -3, -6)]
    assert losses == sorted(losses, reverse=True)


def test_a_perfect_map_costs_next_to_nothing():
    assert loss_at(12, -12) < 1e-4


def test_masked_cells_cost_nothing_but_centres_do():
    masked = torch.zeros_like(TRUST)
    assert loss_at(12, 5, masked) < 1e-4
    assert loss_at(-5, 5, masked) > 1


def test_a_neighbour_of_a_centre_costs_less_than_far_background():
    near, far = torch.full((2, 1, 3, 6, 8), -9.0)
    near[0, 0, 2, 3] = far[0, 0, 2, 3] = 9.0
    near[0, 0, 2, 4] = far[0, 0, 5, 7] = 2.0
    assert focal_loss(near, TARGET, TRUST) < 0.2 * focal_loss(far, TARGET, TRUST)


def test_a_missed_truck_costs_more_than_a_missed_car():
    heat = torch.full((1, 3, 6, 8), -9.0)
    car = TARGET[:, [2, 1, 0]]
    truck_and_car = (TARGET + car).clamp(max=1)
    sees_truck, sees_car = heat.clone(), heat.clone()
    sees_truck[0, 0, 2, 3] = sees_car[0, 2, 2, 3] = 9.0
    assert focal_loss(sees_truck, truck_and_car, TRUST) < focal_loss(
        sees_car, truck_and_car, TRUST
    )


def test_box_errors_count_where_there_is_a_box():
    heat = torch.full((1, 3, 6, 8), -9.0)
    box, weight = torch.zeros(1, 4, 6, 8), torch.zeros(1, 6, 8)
    weight[0, 2, 3] = 1.0
    wrong = torch.zeros(1, 2, 6, 8)

    def loss(cell):
        size = wrong.clone()
        size[0, 0, cell[0], cell[1]] = 1.0
        output = TruckMapOutput(heat=heat, size=size, offset=wrong)
        return float(map_loss(output, TARGET, TRUST[:, 0], box, weight))

    right = TruckMapOutput(heat=heat, size=wrong, offset=wrong)
    base = float(map_loss(right, TARGET, TRUST[:, 0], box, weight))
    assert loss((2, 3)) > base + 0.1
    assert loss((0, 0)) == base


def test_a_batch_without_any_centre_has_a_finite_loss():
    empty = torch.zeros(2, 3, 6, 8)
    trust = torch.ones(2, 1, 6, 8)
    assert torch.isfinite(focal_loss(torch.zeros_like(empty), empty, trust))
