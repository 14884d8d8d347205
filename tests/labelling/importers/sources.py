"""Small sources of labels, one of each format, of the same three pictures."""

import json

from tests.labelling.pieces import write_picture

# picture: boxes (class, x1, y1, x2, y2) in pixels of 64 x 48
SCENE = {
    "a": [("lorry", 4, 6, 30, 40), ("car", 40, 20, 60, 40)],
    "b": [("car", 10, 10, 20, 20)],
    "c": [],
}
NAMES = ["car", "lorry"]


def write_pictures(folder, suffix=".jpg"):
    """Write the pictures of the scene."""
    for seed, name in enumerate(SCENE):
        write_picture(folder / f"{name}{suffix}", seed=seed)


def write_yolo(root, *, is_yaml=True):
    write_pictures(root / "images" / "train")
    labels = root / "labels" / "train"
    labels.mkdir(parents=True)
    for name, boxes in SCENE.items():
        lines = [
            f"{NAMES.index(c)} {(x1 + x2) / 128} {(y1 + y2) / 96} "
            f"{(x2 - x1) / 64} {(y2 - y1) / 48}"
            for c, x1, y1, x2, y2 in boxes
        ]
        (labels / f"{name}.txt").write_text("\n".join(lines))
    if is_yaml:
        (root / "data.yaml").write_text("train: images/train\nnames: [car, lorry]\n")
        return root / "data.yaml"
    (root / "classes.txt").write_text("car\nlorry\n")
    return root


def write_coco(root):
    write_pictures(root / "images")
    images = [
        {"id": k, "file_name": f"{n}.jpg", "width": 64, "height": 48}
        for k, n in enumerate(SCENE)
    ]
    annotations = [
        {
            "id": 10 * k + i,
            "image_id": k,
            "category_id": NAMES.index(c),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
        for k, n in enumerate(SCENE)
        for i, (c, x1, y1, x2, y2) in enumerate(SCENE[n])
    ]
    categories = [{"id": k, "name": n} for k, n in enumerate(NAMES)]
    spec = {"images": images, "annotations": annotations, "categories": categories}
    path = root / "instances.json"
    path.write_text(json.dumps(spec))
    return path


def voc_xml(name, boxes, extra=""):
    objects = "\n".join(
        f"<object><name>{c}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for c, x1, y1, x2, y2 in boxes
    )
    return (
        f"<annotation><filename>C:\\\\frames\\\\{name}.jpg</filename>"
        "<size><width>64</width><height>48</height><depth>3</depth></size>"
        f"\n{objects}\n{extra}</annotation>"
    )


def write_voc(root):
    write_pictures(root / "JPEGImages")
    folder = root / "Annotations"
    folder.mkdir(parents=True)
    for name, boxes in SCENE.items():
        (folder / f"{name}.xml").write_text(voc_xml(name, boxes))
    return folder


def write_cvat(root):
    write_pictures(root / "images")
    images = "\n".join(
        f'<image id="{k}" name="{name}.jpg" width="64" height="48">\n'
        + "\n".join(
            f'<box label="{c}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/>'
            for c, x1, y1, x2, y2 in SCENE[name]
        )
        + "</image>"
        for k, name in enumerate(SCENE)
    )
    labels = "".join(f"<label><name>{n}</name></label>" for n in NAMES)
    path = root / "annotations.xml"
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f"<meta><task><labels>{labels}</labels></task></meta>\n{images}</annotations>"
    )
    return path


WRITERS = {
    "yolo": write_yolo,
    "coco": write_coco,
    "voc": write_voc,
    "cvat": write_cvat,
}
