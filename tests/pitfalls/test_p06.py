"""Crash at every step; tests/pipeline/test_kill.py does it with kill -9 and videos."""

import itertools

import pandas as pd
import pytest

from tests.pitfalls.scenes import CAMERA, film, ingest, piece, read, sha_set, through
from truckcount.store import Store, publish
from truckcount.store.check import check_store

TABLES = ("scores", "passages", "history", "hours", "segments")


class DeathError(BaseException):
    """What no handler of ours catches."""


def run(root):
    scene = film([through(30), through(58)], 120)
    ingest(
        Store.open(root), [[piece("a", scene[:300])], [piece("b", scene[300:])]],
        camera=CAMERA,
    )  # fmt: skip


def tables(root):
    return {
        name: read(Store.open(root), name).drop(
            columns=["known_at_utc", "revision"], errors="ignore"
        )
        for name in TABLES
        if name != "history"
    }


def test_dying_at_any_write_and_running_again_is_as_if_nothing_was(
    tmp_path, monkeypatch
):
    run(tmp_path / "whole")
    whole = tables(tmp_path / "whole")
    sync = publish.sync
    n_deaths = 0
    for n in itertools.count(1):
        left = n

        def die(path):
            nonlocal left
            left -= 1
            if left == 0:
                raise DeathError
            sync(path)

        monkeypatch.setattr(publish, "sync", die)
        root = tmp_path / str(n)
        try:
            run(root)
        except DeathError:
            n_deaths += 1
        else:
            break
        finally:
            monkeypatch.setattr(publish, "sync", sync)
        run(root)
        for name, frame in tables(root).items():
            pd.testing.assert_frame_equal(frame, whole[name], obj=f"{name} after {n}")
        assert sha_set(Store.open(root)) == sha_set(Store.open(tmp_path / "whole"))
        revisions = read(Store.open(root), "history").groupby(
            ["direction", "hour_start_utc"]
        )["revision"]
        assert all(r.tolist() == list(range(1, len(r) + 1)) for _, r in revisions)
        assert check_store(root) == []
    assert n_deaths >= 2 * 5 * 2 - 2, "two files, five writes each, before and after"


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_written(tmp_path, table):
    run(tmp_path)
    assert len(read(Store.open(tmp_path), table))
