"""An empty path, as a shell makes of an unset variable, is not the working folder."""

import pytest

import truckcount as package
from truckcount.errors import ConfigError, VideoNotFoundError
from truckcount.video import find_sources


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", ""),
        ("run", "film.mp4", ""),
        ("run", "film.mp4", "--store", ""),
        ("backfill", ""),
        ("watch", ""),
        ("watch", "recordings", "--store", ""),
        ("status", "store", ""),
        ("hours", ""),
        ("label", "sample", "", "--to", "labels"),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_refused_and_nothing_is_read(truckcount, tmp_path, arguments):
    said = truckcount(*arguments)
    assert said.code == 2
    assert "an empty path (an unset variable?)" in said.err
    assert list(tmp_path.iterdir()) == []


def test_python_refuses_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoNotFoundError, match="an empty path"):
        find_sources([""])
    with pytest.raises(ConfigError, match="store='' is an empty path"):
        package.run("film.mp4", store="")
    assert list(tmp_path.iterdir()) == []
