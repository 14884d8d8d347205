"""Order independence."""

import random

from tests.pipeline.pieces import cut
from tests.pitfalls.scenes import CAMERA, film, publish, read, sha_set, through
from truckcount.store import publish as publish_module

N_ORDERS = 10  # eight more orders in tests/pipeline
TIMES = [3, 14, 29, 44, 58, 70, 89, 104, 118, 140, 150, 170]
SCENE = film([through(t, sign=1 - 2 * (t % 2)) for t in TIMES], 180, miss=0.05)


def test_twelve_files_in_any_order_give_the_same_hours(tmp_path, monkeypatch):
    monkeypatch.setattr(publish_module, "sync", lambda _: None)  # no crash in here
    found = []
    for seed in range(N_ORDERS):
        files = cut(SCENE, range(0, 901, 75), shift_us=-90_000_000)
        random.Random(seed).shuffle(files)
        groups = [files[k : k + 4] for k in range(0, 12, 4)]
        store = publish(tmp_path / str(seed), *groups, camera=CAMERA)
        found.append(sha_set(store))
    assert read(store)["n_trucks"].sum() == len(TIMES)
    assert all(shas == found[0] for shas in found)
