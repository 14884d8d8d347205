"""Views are heard once: the same whatever interrupts, and read back as they were."""

import numpy as np
import pytest
import torch

from tests.training.pictures import picture
from truckcount.errors import LabelError
from truckcount.training import heard as module
from truckcount.training.canvas import PictureDraw
from truckcount.training.heard import HeardViews, Said, hear

DRAW = PictureDraw({"a": [picture(0), picture(1)]}, {"a": 1.0})
SIZE = (96, 64)


def teach(view: np.ndarray) -> Said:
    """Say of each cell how bright it is."""
    height, width = view.shape[:2]
    cells = view.reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3, 4))
    cells = cells.astype(np.float32)
    return Said(np.repeat(cells[None], 7, 0), cells[None] / 2, cells[None, ::2, ::2])


def arrays(folder):
    return {k: np.load(folder / f"{k}.npy") for k in HeardViews.NAMES}


def test_what_was_interrupted_ends_with_the_same_views(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOG_EVERY", 4)
    hear(tmp_path / "whole", DRAW, teach, 10, size=SIZE, seed=3)
    calls = []

    def tire(view: np.ndarray) -> Said:
        calls.append(view)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return teach(view)

    with pytest.raises(KeyboardInterrupt):
        hear(tmp_path / "cut", DRAW, tire, 10, size=SIZE, seed=3)
    assert len(HeardViews(tmp_path / "cut")) == 4
    hear(tmp_path / "cut", DRAW, teach, 10, size=SIZE, seed=3)
    for name, array in arrays(tmp_path / "whole").items():
        assert np.array_equal(array, arrays(tmp_path / "cut")[name]), name
    hear(tmp_path / "cut", DRAW, tire, 10, size=SIZE, seed=3)  # nothing is left to hear
    assert len(calls) == 7


def test_views_are_read_back_with_what_was_said_of_them(tmp_path):
    hear(tmp_path, DRAW, teach, 6, size=SIZE)
    batch = HeardViews(tmp_path).rows([5, 2])
    assert HeardViews(tmp_path).size == SIZE
    assert batch.views.shape == (2, 3, 64, 96)
    for view, maps, stride8, stride16 in zip(
        batch.views, batch.maps, batch.stride8, batch.stride16, strict=True
    ):
        said = teach(view.permute(1, 2, 0).numpy())
        assert np.allclose(maps.numpy(), said.maps, rtol=1e-3)
        assert np.allclose(stride8.numpy(), said.stride8, rtol=1e-3)
        assert np.allclose(stride16.numpy(), said.stride16, rtol=1e-3)
    drawn = HeardViews(tmp_path).draw(np.random.default_rng(0), 20)
    assert drawn.truth[:, 0].amax() == 1  # some view shows a labelled truck's centre
    assert set(drawn.trust.unique().tolist()) <= {0.0, 1.0}


def test_several_folders_are_read_as_one(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, (folder, n) in enumerate(zip(folders, (3, 5), strict=True)):
        hear(folder, DRAW, teach, n, size=SIZE, seed=seed)
    both = HeardViews(*folders)
    assert len(both) == 8
    batch = both.rows([7, 0, 2, 3])
    parts = [HeardViews(folders[0]).rows([0, 2]), HeardViews(folders[1]).rows([0, 4])]
    for name in ("views", "maps", "stride8", "stride16", "truth", "trust"):
        expected = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(getattr(batch, name), expected), name
    hear(tmp_path / "small", DRAW, teach, 2, size=(96, 128))
    with pytest.raises(LabelError, match="different sizes"):
        HeardViews(folders[0], tmp_path / "small")


def test_other_options_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(LabelError, match="holds no heard views"):
        HeardViews(tmp_path)
    hear(tmp_path, DRAW, teach, 2, size=SIZE)
    with pytest.raises(LabelError, match="give another"):
        hear(tmp_path, DRAW, teach, 3, size=SIZE)
