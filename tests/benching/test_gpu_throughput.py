"""The GPU's benchmark says that there is no GPU, and shares name what binds."""

import pytest
import torch

from benchmarks.gpu_throughput import NO_GPU, main, shares


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_nothing_is_measured(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu_throughput"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == NO_GPU
    said = capsys.readouterr()
    assert "no CUDA device here" in said.err
    assert said.out == ""


def test_the_unit_that_binds_has_the_largest_share():
    report = {
        "forward": [
            {"views_s_with_maps_to_host": 10_000},
            {"views_s_with_maps_to_host": 200_000},
        ],
        "copy_views_s": 100_000,
    }
    row = {"frames_s": 4500.0, "views_s": 900.0}
    found = shares(row, 5000.0, report)
    assert found == {"decode": 0.9, "copy": 0.009, "network": 0.0045}
