import pytest

from tests.conftest import write_clip
from tests.labelling.importers.sources import write_cvat
from tests.labelling.pieces import write_picture
from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.cvat import read_cvat

pytest.importorskip("defusedxml", reason="XML needs the extra `train`")


def read(source, *classes, **options):
    problems = []
    names = ClassMap.parse(classes)
    found = list(read_cvat(source, names, problems.append, **options))
    return found, [str(p) for p in problems]


def box(frame, x=10, *, is_outside=False):
    return (
        f'<box frame="{frame}" outside="{int(is_outside)}" occluded="0" keyframe="1" '
        f'xtl="{x}" ytl="5" xbr="{x + 20}" ybr="25"/>'
    )


def write_tracks(root, *tracks, meta=""):
    body = "\n".join(
        f'<track id="{k}" label="{name}">\n' + "\n".join(boxes) + "\n</track>"
        for k, (name, *boxes) in enumerate(tracks)
    )
    path = root / "tracks.xml"
    path.write_text(
        f"<annotations><version>1.1</version><meta><task>{meta}</task></meta>\n"
        f"{body}</annotations>"
    )
    return path


def test_the_frames_of_tracks_come_from_the_video(tmp_path):
    clip = write_clip(tmp_path / "cam_20260302T080000Z.mp4", 12)
    source = write_tracks(
        tmp_path,
        ("truck", box(2), box(6, 50), box(8, 50, is_outside=True)),
        ("car", box(0), box(11)),
    )
    found, problems = read(source, video=clip)
    assert problems == []
    trucks = [[b.corners[0] for b in f.boxes if b.name == "truck"] for f in found]
    assert trucks == [[], [], [10], [20], [30], [40], [50], [50], [], [], [], []]
    assert [f.t_s for f in found][:3] == [0.0, 0.04, 0.08]
    assert all(f.picture.shape == (96, 160, 3) for f in found)


def test_frames_without_a_box_are_looked_at_over_the_job(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", 12)
    meta = "<start_frame>1</start_frame><stop_frame>9</stop_frame>"
    source = write_tracks(tmp_path, ("truck", box(4), box(5)), meta=meta)
    found, _ = read(source, video=clip, every=2)
    assert [int(f.name[-6:]) for f in found] == [1, 3, 5, 7, 9]
    assert [len(f.boxes) for f in found] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(("every", "numbers"), [(1, [1, 5, 9]), (2, [1, 5, 9])])
def test_frames_that_a_step_left_out_were_not_looked_at(tmp_path, every, numbers):
    clip = write_clip(tmp_path / "clip.mp4", 12)
    meta = (
        "<start_frame>1</start_frame><stop_frame>9</stop_frame>"
        "<frame_filter>step=4</frame_filter>"
    )
    source = write_tracks(tmp_path, ("truck", box(5), box(9, 50)), meta=meta)
    found, problems = read(source, video=clip, every=every)
    assert [int(f.name[-6:]) for f in found] == numbers
    assert [len(f.boxes) for f in found] == [0, 1, 1]
    assert problems == []


def test_frames_may_be_pictures_by_their_number(tmp_path):
    for k in range(3):
        write_picture(tmp_path / "images" / f"frame_{k:06d}.png", seed=k)
    source = write_tracks(tmp_path, ("truck", box(0), box(4)))
    found, (problem,) = read(source)
    assert [f.picture.name for f in found] == [f"frame_{k:06d}.png" for k in range(3)]
    assert "2 frames" in problem


def test_tracks_without_pictures_say_what_is_missing(tmp_path):
    with pytest.raises(LabelError, match="--video"):
        read(write_tracks(tmp_path, ("truck", box(0))))


def test_polygons_and_tags_are_read(tmp_path):
    source = write_cvat(tmp_path)
    text = source.read_text().replace(
        '<box label="car" xtl="10" ytl="10" xbr="20" ybr="20"/>',
        '<polygon label="lorry" points="1,2;30,4;20,40"/>',
    )
    text = text.replace(
        'name="c.jpg" width="64" height="48">',
        'name="c.jpg" width="64" height="48"><tag label="truck"/>',
    )
    source.write_text(text)
    found, _ = read(source)
    assert found[1].boxes[0].corners == (1, 2, 30, 40)
    assert found[2].label == "truck"


@pytest.mark.parametrize(
    ("tag", "drawn", "label"),
    [
        ("truck", "car", "truck"),
        ("skip", "car", "skip"),
        ("skip", "truck", None),
        ("no_truck", "car", None),
        ("no_truck", "ambiguous", None),
    ],
)
def test_a_tag_is_of_the_picture_whatever_boxes_are_drawn(tmp_path, tag, drawn, label):
    source = write_cvat(tmp_path)
    text = source.read_text().replace(
        '<box label="car" xtl="10"',
        f'<tag label="{tag}"/>\n<box label="{drawn}" xtl="10"',
    )
    source.write_text(text)
    found, problems = read(source)
    assert (found[1].name, found[1].label, problems) == ("b.jpg", label, [])
    assert [b.name for b in found[1].boxes] == [drawn]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('xtl="10"', 'xtl="ten"', "xtl 'ten'"),
        ('label="car" xtl="10"', 'xtl="10"', "no label"),
        ("b.jpg", "../b.jpg", "not below"),
    ],
    ids=["number", "label", "path"],
)
def test_a_wrong_element_is_named_by_its_line(tmp_path, old, new, match):
    source = write_cvat(tmp_path)
    source.write_text(source.read_text().replace(old, new))
    _, (problem,) = read(source)
    assert match in problem
    assert ":7" in problem or ":6" in problem


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("<annotation/>", "no CVAT"),
        ("<annotations><version>1.0</version></annotations>", "1.0"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "refused"),
    ],
    ids=["root", "version", "entity"],
)
def test_what_is_no_cvat_file_is_an_error(tmp_path, text, match):
    path = tmp_path / "x.xml"
    path.write_text(text)
    with pytest.raises(LabelError, match=match):
        read(path)


CUBOID = (
    "<cuboid {} "
    + " ".join(
        f'x{t}{k}="{x}" y{t}{k}="{y}"'
        for t, x, y in (("tl", 4, 6), ("bl", 4, 30), ("tr", 30, 6), ("br", 30, 30))
        for k in (1, 2)
    )
    + "/>"
)


SKELETON = (
    '<skeleton {}><points label="1" points="4,6"/>'
    '<points label="2" points="30,40"/></skeleton>'
)


@pytest.mark.parametrize(
    ("shape", "corners"),
    [
        (CUBOID, (4, 6, 30, 30)),
        ('<ellipse {} cx="20" cy="20" rx="10" ry="5"/>', (10, 15, 30, 25)),
        ('<ellipse {} cx="20" cy="20" rx="10" ry="5" rotation="90"/>',
         (15, 10, 25, 30)),
        ('<box {} xtl="10" ytl="15" xbr="30" ybr="25" rotation="90"/>',
         (15, 10, 25, 30)),
        ('<points {} points="4,6;30,40"/>', (4, 6, 30, 40)),
        ('<mask {} rle="1, 2" left="4" top="6" width="26" height="34"/>',
         (4, 6, 30, 40)),
        (SKELETON, (4, 6, 30, 40)),
    ],
    ids=["cuboid", "ellipse", "turned ellipse", "turned box", "points", "mask",
         "skeleton"],
)  # fmt: skip
def test_every_shape_of_a_truck_is_a_truck(tmp_path, shape, corners):
    source = write_cvat(tmp_path)
    old = '<box label="car" xtl="10" ytl="10" xbr="20" ybr="20"/>'
    source.write_text(source.read_text().replace(old, shape.format('label="lorry"')))
    found, problems = read(source)
    assert problems == []
    (box,) = found[1].boxes
    assert (box.name, box.corners) == ("lorry", pytest.approx(corners))


def test_a_shape_that_is_not_known_leaves_its_picture_open(tmp_path):
    source = write_cvat(tmp_path)
    old = '<box label="car" xtl="10" ytl="10" xbr="20" ybr="20"/>'
    text = source.read_text().replace(old, '<splat label="lorry" at="1"/>')
    source.write_text(text)
    found, (problem,) = read(source)
    assert "<splat> is no shape" in problem
    assert [f.is_annotated for f in found] == [True, False, True]


def test_tracks_of_polygons_are_trucks(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", 6)
    polygon = '<polygon frame="{}" outside="{}" points="10,5;30,5;20,{}"/>'
    track = ("truck", *(polygon.format(*x) for x in ((1, 0, 9), (3, 0, 11), (4, 1, 9))))
    found, problems = read(write_tracks(tmp_path, track), video=clip)
    assert problems == []
    assert [[b.corners for b in f.boxes] for f in found] == [
        [(10, 5, 30, 9)], [(10, 5, 30, 10)], [(10, 5, 30, 11)],
    ]  # fmt: skip


def test_frames_of_a_box_that_cannot_be_read_stay_open(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", 8)
    meta = "<start_frame>0</start_frame><stop_frame>7</stop_frame>"
    unread = box(1).replace('xtl="10"', 'xtl="left"')
    track = ("truck", unread, box(4), box(5, is_outside=True))
    found, (problem,) = read(write_tracks(tmp_path, track, meta=meta), video=clip)
    assert "want a number" in problem
    assert [f.is_annotated for f in found] == [True, *[False] * 3, *[True] * 4]
    assert [len(f.boxes) for f in found] == [0, 0, 0, 0, 1, 0, 0, 0]


def test_frames_that_are_listed_without_suffix_are_found(tmp_path):
    source = write_cvat(tmp_path)
    source.write_text(source.read_text().replace('name="b.jpg"', 'name="b"'))
    found, problems = read(source)
    assert problems == []
    assert [f.picture.name for f in found] == ["a.jpg", "b.jpg", "c.jpg"]
