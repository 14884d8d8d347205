"""Render the sample videos and write their truth.

    python sample_videos/render/render_clips.py --cache runs/render [CLIP ...]
    python sample_videos/render/render_clips.py --cache runs/render --still 3.4

Resumable: frames lie in the cache, and only what is missing is rendered. The
still background is rendered once; then each frame renders only the border
regions around what moves and its shadow.
"""

import argparse
import csv
import hashlib
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import bpy  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402

import sensor  # noqa: E402
import shots  # noqa: E402
import truth  # noqa: E402
import world  # noqa: E402

SAMPLES = 6  # a region; what is left of its noise is filtered below
SAMPLES_DARK = 10  # by lamplight few rays find a lamp
MARGIN = 0.02  # of the picture, around what moves
MIN_SCORED = 20

CLIP_COLUMNS = "clip,file,camera,group,role,light,scene,annotated_until_s,width,height,fps,codec,duration_s,licence,repo,path,commit,sha256".split(",")
PASSAGE_COLUMNS = "clip,camera,gate,direction,onset_s,offset_s,kind,verdict,censored,scored,note".split(",")


def stage(shot):
    """Build a shot's set and actors."""
    scene = world.reset(shot.width, shot.height, SAMPLES)
    shot.build_set(scene)
    for actor in shot.actors:
        actor.thing = actor.build()
        actor.corners = truth.corners_of(actor.thing)
    bpy.context.view_layer.update()
    return scene


def is_dark(shot):
    """Tell whether lamps light the road."""
    return shot.light in {"dusk", "night"}


def is_still(actor):
    """Tell whether an actor stands all the time and belongs to the background."""
    return actor.keys[0][1] == actor.keys[-1][1]


def moving_regions(scene, shot, t):
    """Return the borders (x1, y1, x2, y2) in fractions that a frame must render.

    One around each vehicle and its shadow; those that overlap are joined.
    """
    regions = []
    shadow = shadow_way(scene)
    for actor in shot.actors:
        if is_still(actor):
            continue
        x, y, heading = actor.place(t)
        boxes = [truth.picture_box(scene, actor.corners, truth.pose(x, y, heading))]
        for reach in (0.5, 1.0):
            dx, dy = (reach * v for v in shadow)
            flat = [_flat(c) for c in actor.corners]
            boxes.append(truth.picture_box(scene, flat, truth.pose(x + dx, y + dy, heading)))
        near = [truth.clip_box(b) for b in boxes if b]
        near = [b for b in near if b]
        if near:
            regions.append(_join_boxes([_grow(b) for b in near]))
    return _merge(regions)


def bodies(scene, shot, t):
    """Mark the pixels of moving vehicles: there a region always covers."""
    mask = np.zeros((shot.height, shot.width), np.uint8)
    for actor in shot.actors:
        if not is_still(actor):
            truth.silhouette(scene, actor.thing, truth.pose(*actor.place(t)), mask)
    return mask


def _grow(box):
    grown = (box[0] - MARGIN, box[1] - MARGIN, box[2] + MARGIN, box[3] + MARGIN)
    return tuple(max(0.0, min(1.0, v)) for v in grown)


def _join_boxes(boxes):
    columns = list(zip(*boxes))
    return min(columns[0]), min(columns[1]), max(columns[2]), max(columns[3])


def _merge(regions):
    """Join regions until none overlap."""
    while True:
        for a in regions:
            hit = [b for b in regions if b is not a and a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
            if hit:
                regions = [r for r in regions if r is not a and r is not hit[0]]
                regions.append(_join_boxes([a, hit[0]]))
                break
        else:
            return sorted(regions)


def shadow_way(scene):
    """Return how far (x, y) the shadow of a 4 m vehicle falls."""
    sun = next(o for o in scene.objects if o.type == "LIGHT" and o.data.type == "SUN")
    way = sun.matrix_world.to_quaternion() @ Vector((0, 0, -1))
    if sun.data.energy < 0.5 or way.z > -0.05:
        return 1.5, -1.5  # a soft shadow under the vehicle
    share = min(4.0 / -way.z, 14.0)
    return way.x * share, way.y * share


def _flat(corner):
    flat = corner.copy()
    flat.z = min(flat.z, 0.1)
    return flat


def put(shot, t, is_hidden=False):
    """Move every actor to its place."""
    for actor in shot.actors:
        actor.thing.hide_render = is_hidden and not is_still(actor)
        actor.thing.matrix_world = truth.pose(*actor.place(t))


def shoot(scene, path, region=None):
    """Render the picture, or its border region alone."""
    render = scene.render
    render.use_border = render.use_crop_to_border = region is not None
    if region is not None:
        render.border_min_x, render.border_max_x = region[0], region[2]
        render.border_min_y, render.border_max_y = 1 - region[3], 1 - region[1]
    render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def render_shot(shot, cache):
    """Render what is missing of a shot; return each frame's time, parts and bodies."""
    folder = cache / shot.clip
    folder.mkdir(parents=True, exist_ok=True)
    scene = stage(shot)
    base = folder / "background.png"
    if not base.exists():
        put(shot, 0.0, is_hidden=True)
        scene.cycles.samples = 64
        shoot(scene, base)
        scene.cycles.samples = SAMPLES
    # the denoiser costs more than the rays of a region do
    scene.cycles.use_denoising = False
    if is_dark(shot):
        scene.cycles.samples = SAMPLES_DARK
    put(shot, 0.0)
    frames = []
    for k in range(round(shot.duration_s * shot.fps)):
        t = k / shot.fps
        regions = moving_regions(scene, shot, t)
        parts = [(folder / f"{k:05d}_{j}.png", region) for j, region in enumerate(regions)]
        frames.append((t, parts, bodies(scene, shot, t)))
        put(shot, t)
        for path, region in parts:
            if not path.exists():
                shoot(scene, path, region)
    return scene, base, frames


def compose(shot, base, frames, target):
    """Put regions on the background, pass them through the sensor, encode."""
    background = cv2.imread(str(base))[:, :, ::-1]
    rng = np.random.default_rng(int(hashlib.sha256(shot.clip.encode()).hexdigest()[:8], 16))
    encoder = sensor.Encoder(target, shot.width, shot.height, Fraction(shot.fps), shot.crf)
    for t, parts, body in frames:
        image = background.copy()
        for path, region in parts:
            part = cv2.imread(str(path))[:, :, ::-1]
            # Blender rounds a border down to whole pixels
            x = int(region[0] * shot.width)
            y = shot.height - int((1 - region[1]) * shot.height)
            h, w = part.shape[:2]
            y, x = min(max(y, 0), shot.height - h), min(x, shot.width - w)
            image[y : y + h, x : x + w] = feather(
                image[y : y + h, x : x + w], part, body[y : y + h, x : x + w], is_dark=is_dark(shot)
            )
        if is_dark(shot):
            image = sensor.glow(image)
        if shot.is_raining:
            image = sensor.rain(image, rng)
        image = sensor.shade(image, rng, shot.noise)
        if shot.clock_from:
            now = datetime.fromisoformat(shot.clock_from) + timedelta(seconds=int(t))
            image = sensor.clock(image, f"{now:%Y-%m-%d %H:%M:%S}  CAM 4")
        encoder.add(np.ascontiguousarray(image))
    encoder.close()


def feather(below, above, body, edge=6, is_dark=False):
    """Take vehicles from a region, and what else differs: the rest stays clean."""
    above = np.ascontiguousarray(above)
    if is_dark:  # few rays find a lamp, and those that do shine
        above = cv2.medianBlur(above, 3)
    clean = cv2.fastNlMeansDenoisingColored(above, None, 7, 10, 3, 9)
    apart = np.abs(clean.astype(np.int16) - below).max(2)
    apart = cv2.morphologyEx((apart > 13).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    apart = cv2.dilate(cv2.morphologyEx(apart, cv2.MORPH_CLOSE, np.ones((9, 9))), np.ones((5, 5)))
    if is_dark:  # what differs is noise: there are hardly shadows to keep
        apart = cv2.dilate(body, np.ones((3, 3)))
    share = cv2.GaussianBlur(np.maximum(apart, body).astype(np.float32), (0, 0), 1.2)[:, :, None]
    h, w = above.shape[:2]
    x = np.clip(np.minimum(np.arange(w), np.arange(w)[::-1]) / edge, 0, 1)
    y = np.clip(np.minimum(np.arange(h), np.arange(h)[::-1]) / edge, 0, 1)
    share = share * np.maximum((y[:, None] * x[None])[:, :, None], share > 0.9)
    return (below * (1 - share) + clean * share).astype(np.uint8)


def write_truth(folder):
    """Write clips.csv, passages.csv and cameras.toml for the clips that exist."""
    clips, passages, cameras = [], [], []
    for shot in shots.SHOTS:
        path = folder / f"{shot.clip}.mp4"
        scene = stage(shot)
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
        clips.append([shot.clip, path.name, shot.camera, shot.camera, "sample", shot.light, shot.note, shot.duration_s, shot.width, shot.height, shot.fps, "h264", shot.duration_s, "CC0-1.0", "truckcount", f"sample_videos/{path.name}", "", digest])
        for onset, offset, direction, kind, censored, is_parked in truth.passages_of(scene, shot, shot.actors):
            assert onset < offset, (shot.clip, kind, onset, offset)
            is_scored = not censored.startswith("start") and not is_parked and onset < shot.duration_s - 1
            passages.append([shot.clip, shot.camera, shot.gate, direction, onset, offset, kind, "truck", censored, "yes" if is_scored else "no", "parked" if is_parked else ""])
        corners = ", ".join(f"[{x}, {y}]" for x, y in shot.polygon)
        cameras.append(f'[cameras.{shot.camera}]\ntimezone = "{shot.timezone}"\nmatch = ["{shot.camera}_*.mp4"]\n[[cameras.{shot.camera}.gates]]\nname = "{shot.gate}"\npolygon = [{corners}]\nin = [{shot.in_vector[0]}, {shot.in_vector[1]}]\n')
    n = sum(row[9] == "yes" for row in passages)
    assert n >= MIN_SCORED, f"{n} scored passages, want {MIN_SCORED}"
    for name, columns, rows in (("clips.csv", CLIP_COLUMNS, clips), ("passages.csv", PASSAGE_COLUMNS, passages)):
        with (folder / name).open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    (folder / "cameras.toml").write_text("# cameras of the sample videos, written by render/render_clips.py\n" + "\n".join(cameras))
    print(f"{len(clips)} clips, {len(passages)} passages, {n} scored")


def main():
    """Render all clips, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="*")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=HERE.parent)
    parser.add_argument("--still", type=float, help="render one whole frame a clip at this time")
    parser.add_argument("--truth-only", action="store_true")
    arguments = parser.parse_args()
    for shot in shots.SHOTS:
        if arguments.truth_only or (arguments.clips and shot.clip not in arguments.clips):
            continue
        if arguments.still is not None:
            scene = stage(shot)
            put(shot, arguments.still)
            arguments.cache.mkdir(parents=True, exist_ok=True)
            shoot(scene, arguments.cache / f"still_{shot.camera}.png")
            continue
        _, base, frames = render_shot(shot, arguments.cache)
        compose(shot, base, frames, arguments.to / f"{shot.clip}.mp4")
    if arguments.still is None:
        write_truth(arguments.to)


if __name__ == "__main__":
    main()
