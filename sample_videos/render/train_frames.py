"""Render labelled stills of random roads for training: none of a sample clip's.

    python sample_videos/render/train_frames.py --out runs/train_frames --count 600 --seed 1

    ... --light low --light dusk --from pole     # more of what a network does badly

Resumable: images.csv and boxes.csv grow frame by frame.
"""

import argparse
import csv
import math
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402

import fleet  # noqa: E402
import sensor  # noqa: E402
import truth  # noqa: E402
import world  # noqa: E402

WIDTH, HEIGHT, SAMPLES = 384, 224, 6
PER_SCENE = 12
FLEET = 16  # vehicles of a scene: built once, placed anew for each picture
LIGHTS = ["day", "day", "day", "low", "overcast", "overcast", "rain", "dusk", "night"]
PLACES = {"side": (0, 0.35), "pole": (0.35, 0.7), "bridge": (0.7, 1)}  # shares of cameras


def build_scene(rng, lights, place_of):
    """Build a random road with a random camera; return its lanes and light."""
    scene = world.reset(WIDTH, HEIGHT, SAMPLES)
    scene.cycles.use_denoising = False  # it costs more than the rays; see main
    kind = rng.choice(lights)
    world.light(scene, kind, rng.uniform(0, 360))
    is_wet = kind == "rain" or rng.random() < 0.15
    is_lit = kind in {"dusk", "night"}
    world.ground(rng.choice(list(world.GROUNDS)))
    n, lane = rng.choice([2, 2, 3, 4, 6]), rng.uniform(3.3, 3.9)
    world.road(n, lane, is_wet=is_wet)
    if n >= 4 and rng.random() < 0.6:
        world.barrier(n * lane / 2)
    if rng.random() < 0.5:
        world.warehouse(rng.uniform(-80, -20), rng.uniform(20, 90), n * lane + rng.uniform(9, 25), rng.uniform(7, 13), rng.randint(4, 12))
    if rng.random() < 0.5:
        world.fence(-60, 60, n * lane + 3)
    world.trees(rng, rng.randint(3, 14), (-90, 90), (n * lane + 5, n * lane + 45))
    world.trees(rng, rng.randint(0, 5), (-60, 60), (-45, -25))
    world.poles(range(-60, 61, rng.choice([25, 30, 40])), -3.0 if rng.random() < 0.5 else n * lane + 2.5, is_lit)
    world.skyline(rng, 130, rng.randint(3, 16))
    side = rng.uniform(*place_of)
    height = rng.uniform(4.5, 13)
    if side < PLACES["side"][1]:  # from beside the road
        place = (rng.uniform(-30, 30), -rng.uniform(8, 30), height)
        target = (place[0] + rng.uniform(-28, 28), n * lane * rng.uniform(0.2, 0.8), rng.uniform(0, 1.5))
    elif side < PLACES["pole"][1]:  # from a pole beside the road, aslant: trucks from behind or ahead
        end = rng.choice((-1, 1))
        place = (end * rng.uniform(18, 42), -rng.uniform(5, 22), rng.uniform(5.5, 13))
        target = (-end * rng.uniform(-4, 10), n * lane * rng.uniform(0.2, 0.7), rng.uniform(0, 1.2))
    else:  # from a bridge or gantry, along the road
        place = (0, n * lane * rng.uniform(-0.3, 1.3), height)
        target = (rng.choice((-1, 1)) * rng.uniform(22, 60), n * lane * rng.uniform(0.3, 0.7), 0)
    world.camera(scene, place, target, rng.uniform(28, 65))
    return scene, kind, n, lane, 6.0 if is_lit else rng.choice((0.3, 0.8, 3.0))


def build_fleet(rng, power):
    """Build the vehicles of a scene, trucks and others: [(object, kind)]."""
    share = rng.choice([0.0, 0.3, 0.5, 0.5, 0.7])
    kinds = [
        rng.choice(list(fleet.TRUCKS) if rng.random() < share else [*fleet.OTHERS, "panel_van", "pickup"])
        for _ in range(FLEET)
    ]
    return [(fleet.build(kind, rng.random(), power), kind) for kind in kinds]


def place_vehicles(rng, vehicles, n, lane, x_range):
    """Fill the lanes at random gaps; return (object, kind, matrix) of those shown."""
    rng.shuffle(vehicles)
    waiting = list(vehicles)
    for thing, _ in vehicles:
        thing.hide_render = True
    placed = []
    gap = rng.choice((10, 25, 45))
    for k in range(n):
        x = x_range[0] + rng.uniform(0, 20)
        sign = 1 if k < n / 2 or rng.random() < 0.2 else -1
        while x < x_range[1] and waiting:
            thing, kind = waiting.pop()
            half = max(abs(c[0]) for c in thing.bound_box)
            x += half
            matrix = truth.pose(x, (k + 0.5) * lane + rng.uniform(-0.3, 0.3), (0 if sign > 0 else math.pi) + rng.uniform(-0.03, 0.03))
            thing.matrix_world = matrix
            thing.hide_render = False
            placed.append((thing, kind, matrix))
            x += half + rng.uniform(3, gap)
    return placed


def boxes_of(scene, placed):
    """Return visible boxes in pixels, near ones first; hidden ones are left out."""
    eye = scene.camera.matrix_world.translation
    near = sorted(placed, key=lambda p: (p[2].translation - eye).length)
    covered = np.zeros((HEIGHT, WIDTH), bool)
    rows = []
    for thing, kind, matrix in near:
        box = truth.picture_box(scene, truth.corners_of(thing), matrix)
        cut = truth.clip_box(box) if box else None
        if cut is None:
            continue
        x1, x2 = cut[0] * WIDTH, cut[2] * WIDTH
        y1, y2 = cut[1] * HEIGHT, cut[3] * HEIGHT
        area = (box[2] - box[0]) * (box[3] - box[1]) * WIDTH * HEIGHT
        spot = covered[int(y1) : int(math.ceil(y2)), int(x1) : int(math.ceil(x2))]
        free = 1 - spot.mean() if spot.size else 0
        seen = free * (x2 - x1) * (y2 - y1) / area
        spot[:] = True
        if y2 - y1 < 4 or seen < 0.15:
            continue
        # half hidden ones are neither truth nor error: "ambiguous" is masked
        name = fleet.class_of(kind) if seen > 0.45 else "ambiguous"
        rows.append((name, x1, y1, x2, y2, seen, kind))
    return rows


def main():
    """Render until the count is reached."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--light", action="append", choices=sorted(set(LIGHTS)))
    parser.add_argument("--from", dest="place", choices=sorted(PLACES), help="any by default")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    images, boxes = arguments.out / "images.csv", arguments.out / "boxes.csv"
    if not images.exists():
        images.write_text("image,width,height,scene_id,light\n")
        boxes.write_text("image,class,x1,y1,x2,y2,seen,kind\n")
    done = len(images.read_text().splitlines()) - 1
    for number in range(done // PER_SCENE, -(-arguments.count // PER_SCENE)):
        rng = random.Random(arguments.seed * 100_003 + number)
        scene, kind, n, lane, power = build_scene(rng, arguments.light or LIGHTS, PLACES.get(arguments.place, (0, 1)))
        noise = np.random.default_rng(number)
        vehicles = build_fleet(rng, power)
        # near the camera's aim: a road seen along shows further than one across
        aim = scene.camera.matrix_world.to_quaternion() @ Vector((0, 0, -1))
        eye = scene.camera.location
        reach = 55 if abs(aim.x) > 0.7 else 24
        mid = eye.x + aim.x * min(40, -eye.z / min(aim.z, -0.05))
        for k in range(PER_SCENE):
            name = f"{number:05d}_{k}.jpg"
            placed = place_vehicles(rng, vehicles, n, lane, (mid - reach, mid + reach))
            bpy.context.view_layer.update()
            scene.render.filepath = str(arguments.out / "frame.png")
            bpy.ops.render.render(write_still=True)
            image = cv2.imread(scene.render.filepath)
            if kind in {"dusk", "night"}:
                image = cv2.medianBlur(image, 3)
            image = cv2.fastNlMeansDenoisingColored(image, None, 7, 10, 3, 9)[:, :, ::-1]
            if kind in {"dusk", "night"}:
                image = sensor.glow(image)
            if kind == "rain":
                image = sensor.rain(image, noise)
            image = sensor.shade(image, noise, rng.uniform(1, 7), rng.random() < 0.7)
            cv2.imwrite(str(arguments.out / name), image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, rng.randint(60, 92)])
            with boxes.open("a", newline="") as file:
                writer = csv.writer(file)
                for name_, *numbers, seen, what in boxes_of(scene, placed):
                    writer.writerow([name, name_, *(round(v, 1) for v in numbers), round(seen, 2), what])
            with images.open("a") as file:
                file.write(f"{name},{WIDTH},{HEIGHT},{arguments.seed}-{number},{kind}\n")


if __name__ == "__main__":
    main()
