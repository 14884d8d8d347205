"""Maps to peaks, on maps drawn by hand."""

import numpy as np
import pytest

from truckcount.domain.camera import Gate
from truckcount.domain.sample import ViewRect
from truckcount.presence.peaks import (
    PEAK_FLOOR,
    find_peaks,
    inside_mask,
    quantise,
    suppress_doubles,
)
from truckcount.presence.runtime import Maps

RECT = ViewRect(gate="g", x0=0.2, y0=0.4, x1=0.7, y1=0.9, width_px=320, height_px=192)


def draw(*trucks):
    """Maps of one view with a centre (column, row), size in px and probability."""
    heat = np.full((1, 24, 40), 0.01, np.float32)
    box = np.zeros((1, 4, 24, 40), np.float32)
    for column, row, width, height, p in trucks:
        heat[0, row, column] = p
        box[0, :, row, column] = (np.log(width / 16), np.log(height / 16), 0.5, 0.5)
    return Maps(heat, box)


def test_a_peak_tells_place_and_size_in_the_picture():
    peaks = find_peaks(draw((10, 12, 80, 48, 0.9)), RECT)[0]
    assert peaks.shape == (1, 5)
    x, y, w, h, p = peaks[0]
    assert x == pytest.approx(0.2 + 0.5 * 10.5 / 40, abs=0.5 / 40)
    assert y == pytest.approx(0.4 + 0.5 * 12.5 / 24, abs=0.5 / 24)
    assert (w, h) == pytest.approx((0.5 * 80 / 320, 0.5 * 48 / 192), rel=1e-4)
    assert p == pytest.approx(0.9)


def test_peaks_come_strongest_first_and_noise_not_at_all():
    trucks = [(5, 5, 40, 30, 0.4), (30, 5, 40, 30, 0.8), (15, 20, 40, 30, 0.05)]
    peaks = find_peaks(draw(*trucks), RECT)[0]
    assert peaks[:, 4] == pytest.approx([0.8, 0.4])


def test_neighbouring_cells_are_one_peak():
    maps = draw((10, 12, 80, 48, 0.9))
    maps.heat[0, 11:14, 9:12] = np.maximum(maps.heat[0, 11:14, 9:12], 0.6)
    assert len(find_peaks(maps, RECT)[0]) == 1


def test_two_peaks_of_one_long_truck_are_one():
    long = np.array(
        [[0.5, 0.5, 0.3, 0.1, 0.9], [0.58, 0.5, 0.28, 0.1, 0.5]], np.float32
    )
    assert len(suppress_doubles(long)) == 1
    beside = np.array(
        [[0.5, 0.5, 0.3, 0.1, 0.9], [0.5, 0.65, 0.3, 0.1, 0.5]], np.float32
    )
    assert len(suppress_doubles(beside)) == 2


def test_the_gate_not_the_view_gives_the_score():
    gate = Gate(name="g", polygon=((0.2, 0.4), (0.45, 0.4), (0.45, 0.9), (0.2, 0.9)))
    mask = inside_mask(RECT, gate.polygon, (24, 40))
    assert mask[:, :19].all()
    assert not mask[:, 21:].any()


def test_quantised_peaks_stay_within_half_a_step():
    peaks = np.array([[0.123456, 0.654321, 0.1, 0.2, 0.777]], np.float32)
    stored = quantise(peaks)
    assert stored["x"][0] / 65535 == pytest.approx(0.123456, abs=1 / 65535)
    assert stored["p"][0] / 255 == pytest.approx(0.777, abs=0.5 / 255)


def peaks_by_definition(heat):
    """Cells at or above the floor and all eight neighbours: (row, column)s."""
    rows, cols = heat.shape
    return {
        (y, x)
        for y in range(rows)
        for x in range(cols)
        if heat[y, x] >= PEAK_FLOOR
        and heat[y, x] >= heat[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max()
    }


def test_every_map_of_a_batch_gets_its_own_peaks_as_defined():
    rng = np.random.default_rng(3)
    heat = np.full((4, 8, 12), 0.05, np.float32)
    heat[[0, 2, 3]] = rng.uniform(0, 1, (3, 8, 12)).astype(np.float32) ** 3
    heat[3, :, 5] = 0.7  # a plateau: all its cells are peaks
    box = np.zeros((4, 4, 8, 12), np.float32)
    found = find_peaks(Maps(heat, box), RECT)
    assert [len(p) for p in found][1] == 0
    for one, peaks in zip(heat, found, strict=True):
        want = sorted((one[y, x] for y, x in peaks_by_definition(one)), reverse=True)
        assert peaks[:, 4].tolist() == want[:24]
