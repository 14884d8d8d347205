import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.labelling.pieces import frame_rows, label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.schema import PARTS
from truckcount.labelling.splits import (
    SplitOptions,
    check_leaks,
    parse_shares,
    shares_of,
    split_frames,
    split_set,
)
from truckcount.labelling.units import find_units


def hashes(seed, n):
    words = np.random.default_rng(seed).bytes(32 * n)
    return [words[32 * i : 32 * i + 32].hex() for i in range(n)]


def flipped(text, bits):
    return f"{int(text, 16) ^ ((1 << bits) - 1):064x}"


@st.composite
def label_sets(draw):
    n = draw(st.integers(12, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_groups = draw(st.integers(6, 30))
    images = [f"frames/{i:03d}.jpg" for i in range(n)]
    phash = hashes(int(rng.integers(1 << 30)), n)
    for i in np.flatnonzero(rng.random(n) < 0.1):
        phash[i] = flipped(phash[int(rng.integers(n))], int(rng.integers(0, 9)))
    group = rng.integers(0, n_groups, n)
    frames = frame_rows(
        images,
        group=[f"g{g}" for g in group],
        day=[f"2026-03-{1 + g % 9:02d}" for g in group],
        camera=[f"c{g % 4}" for g in group],
        phash=phash,
    )
    kinds = np.array(["truck", "no_truck", None])
    label = kinds[rng.choice(3, n, p=[0.3, 0.5, 0.2])]
    labels = pd.DataFrame({"image": images, "label": label}).dropna()
    by = draw(st.sampled_from(["day", "group"]))
    return frames, labels, SplitOptions(by=by, seed=draw(st.integers(0, 5)))


@settings(max_examples=12)
@given(label_sets())
def test_a_split_is_whole_leak_free_and_near_its_shares(made):
    frames, labels, options = made
    units = find_units(frames, options.by)
    if units.nunique() < 3:
        with pytest.raises(LabelError, match="too few"):
            split_frames(frames, labels, options)
        return
    rows = split_frames(frames, labels, options)
    assert rows["image"].tolist() == sorted(frames["image"])
    part_of = rows.set_index("image")["split"]
    for column in ("group", options.by):
        parts = frames["image"].map(part_of).groupby(frames[column]).nunique()
        assert (parts == 1).all()
    check_leaks(frames, rows, by=options.by)
    largest = units.value_counts().max()
    for part, share in zip(PARTS, (0.8, 0.1, 0.1), strict=True):
        n = int((rows["split"] == part).sum())
        assert n > 0
        assert n <= share * len(frames) + largest
    mixed = frames.sample(frac=1.0, random_state=3)
    again = split_frames(mixed, labels.iloc[::-1], options)
    assert again.equals(rows)


def test_labels_are_spread_as_far_as_whole_groups_allow():
    n = 1000
    images = [f"frames/{i:04d}.jpg" for i in range(n)]
    group = [f"g{i // 5}" for i in range(n)]
    frames = frame_rows(images, group=group, phash=hashes(0, n))
    label = ["truck" if i // 5 % 10 == 0 else "no_truck" for i in range(n)]
    labels = pd.DataFrame({"image": images, "label": label})
    rows = split_frames(frames, labels, SplitOptions(by="group"))
    assert shares_of(rows) == {"train": 0.8, "val": 0.1, "test": 0.1}
    is_truck = rows["image"].map(labels.set_index("image")["label"]) == "truck"
    assert is_truck.groupby(rows["split"]).mean().tolist() == [0.1, 0.1, 0.1]


def test_another_seed_gives_another_split():
    frames = frame_rows([f"{i}.jpg" for i in range(60)], phash=hashes(0, 60))
    labels = pd.DataFrame({"image": [], "label": []})
    splits = [
        split_frames(frames, labels, SplitOptions(by="group", seed=seed))
        for seed in (0, 0, 1)
    ]
    assert splits[0].equals(splits[1])
    assert not splits[0].equals(splits[2])


def test_a_seed_has_a_say_where_no_two_units_are_of_one_size():
    sizes = [12, 11, 10, 9, 8, 7]
    group = [f"g{k}" for k, n in enumerate(sizes) for _ in range(n)]
    n = len(group)
    frames = frame_rows([f"{i:02d}.jpg" for i in range(n)], group=group,
                        phash=hashes(0, n))  # fmt: skip
    labels = pd.DataFrame({"image": [], "label": []})
    found = [
        split_frames(
            frames, labels, SplitOptions(by="group", shares=(6, 2, 2), seed=seed)
        )["split"]
        for seed in range(6)
    ]
    assert len({tuple(split) for split in found}) >= 3
    for split in found:
        shares = split.value_counts(normalize=True)
        assert (shares - [0.6, 0.2, 0.2]).abs().max() < 0.15


def test_frames_of_a_camera_that_follow_one_another_soon_are_one_event():
    n = 12
    frames = frame_rows(
        [f"{i:02d}.jpg" for i in range(n)],
        camera=["a"] * 6 + ["b"] * 6,
        source=["a.mp4"] * 6 + ["b.mp4"] * 6,
        phash=hashes(0, n),
    )
    frames["t_utc"] = pd.to_datetime(
        [0, 29, 58, 90, 10_000, 20_000] * 2, unit="s", utc=True
    )
    units = find_units(frames, "group")
    assert units.tolist()[:6] == ["00.jpg"] * 3 + ["03.jpg", "04.jpg", "05.jpg"]
    assert units.nunique() == 8
    undated = frames.assign(
        t_utc=pd.NaT, source_t_s=[0.0, 40.0, 41.0, 99, 150, 200] * 2
    )
    assert find_units(undated, "group").nunique() == 10
    unknown = frames.assign(t_utc=pd.NaT)
    assert find_units(unknown, "group").nunique() == 12


@pytest.mark.parametrize("is_dated", [True, False])
def test_by_time_one_recording_is_cut_to_stretches_that_follow_one_another(is_dated):
    n, rng = 47, np.random.default_rng(5)
    order = rng.permutation(n)  # names and rows tell nothing of time
    frames = frame_rows(
        [f"{i:02d}.jpg" for i in range(n)],
        camera=["a"] * n,
        group=["a/one"] * n,
        source=["a.mp4"] * n,
        phash=hashes(0, n),
    )
    t_s = order * 0.5
    frames["source_t_s"] = t_s
    if is_dated:
        frames["t_utc"] = pd.to_datetime(1_700_000_000 + t_s, unit="s", utc=True)
    kinds = np.where(order % 10 < 4, "truck", "no_truck")
    labels = pd.DataFrame({"image": frames["image"], "label": kinds})
    with pytest.raises(LabelError, match="group > time"):
        split_frames(frames, labels, SplitOptions(by="group"))
    rows = split_frames(frames, labels, SplitOptions(by="time"))
    in_time = rows.set_index("image").loc[frames["image"]].iloc[np.argsort(order)]
    assert in_time["unit"].nunique() == 20
    n_changes = (
        in_time["unit"].to_numpy()[1:] != in_time["unit"].to_numpy()[:-1]
    ).sum()
    assert n_changes == 19, "a stretch is what follows one another"
    assert in_time.groupby("unit").size().between(2, 3).all()
    for part, share in shares_of(rows).items():
        assert share == pytest.approx({"train": 0.8}.get(part, 0.1), abs=0.02)
    check_leaks(frames, rows, by="time")
    with pytest.raises(LabelError, match="leaks"):
        check_leaks(frames, rows, by="group")
    # fewer frames are other stretches, yet no leak that anybody made
    check_leaks(frames.iloc[5:], rows, by="time")


def test_by_time_groups_do_not_share_stretches_and_near_duplicates_stay_together():
    n = 80
    phash = hashes(0, n)
    phash[79] = flipped(phash[0], 3)
    frames = frame_rows(
        [f"{i:02d}.jpg" for i in range(n)],
        group=["one"] * 40 + ["two"] * 40,
        source=["a.mp4"] * n,
        phash=phash,
    )
    frames["source_t_s"] = np.arange(n, dtype=float)
    units = find_units(frames, "time")
    assert units.nunique() == 39
    assert units[0] == units[79]
    alone = units.drop([0, 1, 78, 79]).groupby(frames["group"]).nunique()
    assert alone.tolist() == [19, 19]


def test_near_duplicates_of_different_cameras_stay_together():
    n = 30
    phash = hashes(0, n)
    phash[7] = flipped(phash[3], 8)
    phash[20] = phash[7]
    frames = frame_rows(
        [f"{i:02d}.jpg" for i in range(n)],
        camera=[f"c{i}" for i in range(n)],
        phash=phash,
    )
    units = find_units(frames, "camera")
    assert units[3] == units[7] == units[20] == "03.jpg"
    assert units.nunique() == n - 2
    assert find_units(frames, "camera", near_bits=7).nunique() == n - 1


def test_a_near_duplicate_across_parts_is_named():
    frames = frame_rows([f"{i}.jpg" for i in range(9)], phash=hashes(0, 9))
    labels = pd.DataFrame({"image": [], "label": []})
    rows = split_frames(frames, labels, SplitOptions(by="group"))
    a = rows["image"][rows["split"] == "train"].iloc[0]
    b = rows["image"][rows["split"] == "test"].iloc[0]
    told = dict(zip(frames["image"], frames["phash"], strict=True))
    frames["phash"] = [
        flipped(told[a], 5) if image == b else told[image] for image in frames["image"]
    ]
    with pytest.raises(LabelError, match="near-duplicates") as error:
        check_leaks(frames, rows)
    assert f"{min(a, b)} (" in str(error.value)
    assert f"{max(a, b)} (" in str(error.value)


@pytest.mark.parametrize("column", ["group", "day", "unit"])
def test_a_unit_across_parts_is_named(column):
    images = [f"{i}.jpg" for i in range(9)]
    frames = frame_rows(images, phash=hashes(0, 9))
    frames["day"] = [f"2026-03-0{i + 1}" for i in range(9)]
    labels = pd.DataFrame({"image": [], "label": []})
    rows = split_frames(frames, labels, SplitOptions(by="day"))
    check_leaks(frames, rows, by="day")
    table = rows if column == "unit" else frames
    parts = rows["split"].to_numpy()
    table.loc[parts != "val", column] = table[column].iloc[0]
    with pytest.raises(LabelError, match="leaks"):
        check_leaks(frames, rows, by="day")


def test_too_few_units_or_no_days_say_what_to_do():
    images = [f"{i}.jpg" for i in range(9)]
    frames = frame_rows(images, camera=["a", "b", "a"] * 3, phash=hashes(0, 9))
    labels = pd.DataFrame({"image": [], "label": []})
    with pytest.raises(LabelError, match="only 2 units by camera"):
        split_frames(frames, labels, SplitOptions(by="camera"))
    options = SplitOptions(by="camera", shares=(50, 0, 50))
    rows = split_frames(frames, labels, options)
    assert set(rows["split"]) == {"train", "test"}
    frames.loc[3, "day"] = ""
    with pytest.raises(LabelError, match="have no day"):
        split_frames(frames, labels, SplitOptions(by="day"))


@pytest.mark.parametrize(
    "text", ["80,20", "80,x,10", "0,50,50", "90,-10,20", "1,1,inf"]
)
def test_shares_that_make_no_sense_are_refused(text):
    with pytest.raises(LabelError, match="shares"):
        SplitOptions(shares=parse_shares(text))


def test_a_set_keeps_its_split_and_how_it_was_made(tmp_path):
    made, images = make_set(tmp_path, n=12)
    made.add_labels(label_rows(images[:6], ["truck", "no_truck"] * 3))
    split_set(made, SplitOptions(by="group", seed=4))
    assert made.splits["image"].tolist() == images
    assert made.header["provenance"][-1]["args"]["seed"] == 4
    assert made.header["provenance"][-1]["n"] == 12


def test_a_set_split_again_keeps_its_test_set(tmp_path):
    made, images = make_set(tmp_path, n=40)
    options = SplitOptions(by="group")
    made.add_labels(label_rows(images[::2], ["truck", "no_truck"] * 10))
    before = split_set(made, options).set_index("image")["split"]
    made.add_labels(label_rows(images[1::2], ["truck"] * 15 + ["no_truck"] * 5))
    more = [f"frames/new-{i:03d}.jpg" for i in range(40)]
    made.add_frames(
        frame_rows(more, phash=hashes(9, 40), group=[f"n{i}" for i in range(40)])
    )
    rows = split_set(made, options)
    assert rows.set_index("image")["split"][images].equals(before[images])
    assert shares_of(rows) == {"train": 0.8, "val": 0.1, "test": 0.1}
    check_leaks(made.frames, rows, by="group")
    anew = split_set(made, SplitOptions(by="group", seed=1))
    assert not anew.set_index("image")["split"][images].equals(before[images])


def test_units_that_new_frames_join_go_where_they_were_learned_from():
    images = [f"{i:02d}.jpg" for i in range(30)]
    frames = frame_rows(images, phash=hashes(0, 30))
    labels = pd.DataFrame({"image": [], "label": []})
    options = SplitOptions(by="group")
    former = split_frames(frames, labels, options)
    train, val, test = (
        former["image"][former["split"] == part].iloc[0] for part in PARTS
    )
    joined = frames.assign(
        group=frames["group"].where(~frames["image"].isin([train, test]), "joined")
    )
    part = split_frames(joined, labels, options, former).set_index("image")["split"]
    assert (part[train], part[test], part[val]) == ("train", "train", "val")
    n_moved = (part[images].to_numpy() != former["split"].to_numpy()).sum()
    assert n_moved == 1
    only_train = former.assign(split="train")
    kept = split_frames(frames, labels, options, only_train)
    assert set(kept["split"]) == {"train"}, "nothing learned from becomes a test"
