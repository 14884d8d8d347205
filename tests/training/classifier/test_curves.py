"""The picture of a run's epochs: ticks that can be read."""

import pytest

from truckcount.training.classifier.curves import draw_curves

mpl_figure = pytest.importorskip("matplotlib.figure")


@pytest.mark.parametrize(("last", "scale"), [(0.5, "linear"), (0.005, "log")])
def test_losses_within_a_decade_have_plain_ticks(tmp_path, monkeypatch, last, scale):
    kept = []
    save = mpl_figure.Figure.savefig
    monkeypatch.setattr(
        mpl_figure.Figure,
        "savefig",
        lambda self, *a, **k: (save(self, *a, **k), kept.append(self)),
    )
    rows = [
        {
            "epoch": float(k),
            "train_loss": loss,
            "val_loss": loss,
            "val_balanced_accuracy": 0.5,
        }
        for k, loss in ((1, 0.7), (2, last))
    ]
    draw_curves(tmp_path / "curves.png", {"seed": rows})
    loss = kept[0].axes[0]
    assert loss.get_yscale() == scale
    if scale == "linear":
        ticks = [t.get_text() for t in loss.get_yticklabels()]
        assert not any("times" in t for t in ticks)
        assert any(t.startswith("0.6") for t in ticks)
