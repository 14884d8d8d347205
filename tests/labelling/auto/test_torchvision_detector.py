"""Torchvision's detectors: the plumbing with random weights, the cache with none."""

import hashlib

import numpy as np
import pytest

from truckcount.errors import LabelError
from truckcount.labelling.auto.choose import open_detector
from truckcount.labelling.auto.torchvision_detector import (
    TorchvisionDetector,
    load_state,
    torchvision_names,
)

torch = pytest.importorskip("torch")
SMALL = "fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty torch cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def published(tmp_path):
    """A weights file on a server (here: a file URL), named as torchvision names it."""
    draft = tmp_path / "draft.pth"
    torch.save({"layer": torch.arange(4.0)}, draft)
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()[:8]
    path = tmp_path / "server" / f"tiny-{digest}.pth"
    path.parent.mkdir()
    return draft.rename(path)


class Fixed(torch.nn.Module):
    def forward(self, pictures):
        assert pictures[0].shape == (3, 48, 64)
        assert 0 <= pictures[0].min() <= pictures[0].max() <= 1
        return [
            {
                "boxes": torch.tensor([[10.0, 10, 30, 26], [0, 0, 9, 9], [1, 1, 7, 7]]),
                "labels": torch.tensor([8, 1, 3]),
                "scores": torch.tensor([0.9, 0.8, 0.4]),
            }
        ]


def test_vehicles_are_chosen_by_the_names_of_the_weights():
    names = [
        "-",
        "person",
        "bicycle",
        "car",
        "motorcycle",
        "x",
        "bus",
        "train",
        "truck",
    ]
    image = np.full((48, 64, 3), 255, np.uint8)
    found = TorchvisionDetector(Fixed(), names, "m").detect(image)
    assert found.kinds == ("truck", "car")
    assert found.p_truck == pytest.approx(0.9)
    found = TorchvisionDetector(Fixed(), names, "m", truck_classes=(1,)).detect(image)
    assert found.p_truck == pytest.approx(0.8)


def test_a_real_network_with_random_weights_runs_through():
    from torchvision.models import get_model

    network = get_model(SMALL, weights=None, weights_backbone=None, num_classes=91)
    names = [str(k) for k in range(91)]
    detector = TorchvisionDetector(network, names, "m", truck_classes=tuple(range(91)))
    found = detector.detect(np.zeros((48, 64, 3), np.uint8))
    assert 0 <= found.p_truck <= 1
    assert found.boxes.shape == (len(found), 4)


def test_without_download_the_error_says_what_to_do(hub):
    with pytest.raises(LabelError, match="run again with --download") as error:
        open_detector(SMALL)
    assert "https://download.pytorch.org/models/" in str(error.value)
    assert str(hub) in str(error.value)


def test_a_download_is_cached_and_then_needs_no_server(hub, published):
    url = published.as_uri()
    state = load_state(url, "tiny", may_download=True)
    assert state["layer"].tolist() == [0, 1, 2, 3]
    assert (hub / published.name).is_file()
    published.unlink()
    again = load_state(url, "tiny", may_download=False)
    assert again["layer"].tolist() == [0, 1, 2, 3]


def test_a_download_that_fails_says_where_to_put_the_file(hub, published):
    published.unlink()
    with pytest.raises(LabelError, match="cannot be downloaded") as error:
        load_state(published.as_uri(), "tiny", may_download=True)
    assert str(hub / published.name) in str(error.value)


def test_bytes_other_than_the_published_ones_are_refused(hub, published):
    published.write_bytes(published.read_bytes() + b"x")
    with pytest.raises(LabelError, match="cannot be read"):
        load_state(published.as_uri(), "tiny", may_download=True)
    hub.mkdir(parents=True, exist_ok=True)
    (hub / published.name).write_bytes(b"cut off")
    with pytest.raises(LabelError, match="is damaged"):
        load_state(published.as_uri(), "tiny", may_download=False)


def test_pickled_code_is_never_run(hub, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "evil"), "w"))

    hub.mkdir(parents=True)
    torch.save({"layer": Evil()}, hub / "tiny.pth")
    with pytest.raises(LabelError, match="cannot be read"):
        load_state("https://x.example/tiny.pth", "tiny", may_download=False)
    assert not (tmp_path / "evil").exists()


def test_an_unknown_name_lists_what_there_is():
    assert SMALL in torchvision_names()
    with pytest.raises(LabelError, match="retinanet_resnet50_fpn_v2") as error:
        open_detector("yolo99")
    assert "truckmap" in str(error.value)
