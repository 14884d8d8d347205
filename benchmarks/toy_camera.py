"""A drawn gate camera, many days long, as a label set: the truth is what was drawn.

    python -m benchmarks.toy_camera --to runs/toy/set --days 14 --frames-a-day 420
    python -m benchmarks.toy_camera --to runs/toy/set --sheet runs/toy/sheet.png

Every day has its weather, its light from hour to hour, its parked vehicles and a
camera that has moved a little; every frame its own vehicles, noise and JPEG
compression. A truck that is cut by the picture's edge to less than `MIN_VISIBLE`
of its box, or hidden behind another vehicle for as much, is drawn again elsewhere:
what nobody could label is not asked.
"""

import argparse
import hashlib
import json
import multiprocessing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.toy_scene import (
    BOOTH,
    BOOTH_PLACE,
    SIZE_PX,
    WEATHER,
    Camera,
    Light,
    draw_ground,
    draw_prism,
    draw_shadow,
    draw_vehicle,
    lamps_of,
    make_light,
    road_frame,
    vehicle_box,
)
from benchmarks.toy_vehicles import LIGHT_KINDS, TRUCK_KINDS, Vehicle, make_vehicle
from truckcount.training.allocator import keep_freed_memory

MIN_VISIBLE = 0.45
FIRST_DAY = datetime(2017, 1, 9, tzinfo=UTC)
TRUCK_SHARE = 0.42  # of the frames
CAMERA_NAME = "toy-gate"


@dataclass(slots=True)
class Day:
    """What stays the same for a day."""

    number: int
    camera: Camera
    ground: np.ndarray
    weather: str
    parked: list[tuple[Vehicle, np.ndarray, float]]


@dataclass(slots=True)
class Frame:
    """A finished picture with its truth."""

    image: np.ndarray
    """Shape (335, 335, 3), uint8, RGB."""
    boxes: list[tuple[str, tuple[float, ...]]]
    light: Light
    moment: datetime

    @property
    def has_truck(self) -> bool:
        """The frame's label."""
        return any(kind in TRUCK_KINDS for kind, _ in self.boxes)


def make_day(seed: int, number: int) -> Day:
    """Draw the day's camera, weather and parked cars."""
    rng = np.random.default_rng([seed, number])
    camera = Camera(rng)
    parked = []
    for _ in range(int(rng.integers(0, 4))):
        vehicle = make_vehicle(rng, str(rng.choice(LIGHT_KINDS)))
        place = np.array([rng.uniform(-14, 14), rng.uniform(33, 41), 0.0])
        parked.append((vehicle, place, float(rng.uniform(0, 2 * np.pi))))
    weather = str(WEATHER[int(rng.integers(len(WEATHER)))])
    return Day(number, camera, draw_ground(camera), weather, parked)


def visible_share(box: np.ndarray, n: int = SIZE_PX) -> float:
    """Share of a box's area that lies in the picture."""
    clipped = np.clip(box, 0, n)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return float((clipped[2] - clipped[0]) * (clipped[3] - clipped[1]) / area)


def covered_share(box: np.ndarray, nearer: list[np.ndarray]) -> float:
    """Largest share of a box behind one nearer box."""
    worst = 0.0
    area = (box[2] - box[0]) * (box[3] - box[1])
    for other in nearer:
        w = min(box[2], other[2]) - max(box[0], other[0])
        h = min(box[3], other[3]) - max(box[1], other[1])
        worst = max(worst, max(w, 0) * max(h, 0) / area)
    return worst


def place_vehicles(
    rng: np.random.Generator, camera: Camera
) -> list[tuple[Vehicle, np.ndarray, float]]:
    """Put road users on the lanes, none inside another, trucks seen or absent."""
    kinds = [str(rng.choice(TRUCK_KINDS))] if rng.random() < TRUCK_SHARE else []
    if kinds and rng.random() < 0.12:
        kinds.append(str(rng.choice(TRUCK_KINDS)))
    kinds += [
        str(k)
        for k in rng.choice(LIGHT_KINDS, int(rng.choice(4, p=(0.3, 0.35, 0.25, 0.1))))
    ]
    if rng.random() < 0.2:
        kinds.append("person")
    while True:
        out: list[tuple[Vehicle, np.ndarray, float]] = []
        taken: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
        for kind in kinds:
            vehicle = make_vehicle(rng, kind)
            if kind == "person":
                spot = np.array([rng.uniform(-9, 9), rng.choice([12.2, 24.2]), 0.0])
                out.append((vehicle, spot, float(rng.choice([0.0, np.pi]))))
                continue
            lane = int(rng.integers(2))
            along = float(rng.uniform(-16, 16))
            ahead = 1 if lane == 0 else -1
            span = sorted((along, along + ahead * vehicle.length))
            if any(span[0] < b + 1.5 and a - 1.5 < span[1] for a, b in taken[lane]):
                continue
            taken[lane].append((span[0], span[1]))
            place, heading = road_frame(lane, along)
            place = place + np.array([0, rng.normal(0, 0.25), 0])
            out.append((vehicle, place, heading))
        if _is_sayable(camera, out, want_truck=any(k in TRUCK_KINDS for k in kinds)):
            return sorted(out, key=lambda v: -float(v[1][1]))


def _is_sayable(
    camera: Camera,
    placed: list[tuple[Vehicle, np.ndarray, float]],
    *,
    want_truck: bool,
) -> bool:
    boxes = [(v, p, vehicle_box(camera, v, p, h)) for v, p, h in placed]
    is_seen = [v.is_truck for v, _, _ in boxes]
    for i, (vehicle, place, box) in enumerate(boxes):
        if not vehicle.is_truck:
            continue
        nearer = [
            b for v, p, b in boxes if p[1] < place[1] - 0.5 and v.kind != "person"
        ]
        share = visible_share(box)
        if share < MIN_VISIBLE or covered_share(box, nearer) > 1 - MIN_VISIBLE:
            if share > 0.0:
                return False
            is_seen[i] = False
    return any(is_seen) == want_truck


def draw_frame(seed: int, day: Day, index: int, n_frames: int) -> Frame:
    """Draw frame `index` of a day; the same arguments give the same picture."""
    rng = np.random.default_rng([seed, day.number, index + 1])
    hour = 24.0 * (index + rng.random()) / n_frames
    weather = day.weather if rng.random() < 0.8 else str(rng.choice(WEATHER))
    light = make_light(rng, hour, weather)
    placed = place_vehicles(rng, day.camera)
    everything = [*day.parked, *placed]
    n = day.camera.n
    shadow = np.ones((n, n), np.float32)
    for vehicle, place, heading in everything:
        mask = np.ones((n, n), np.float32)
        draw_shadow(mask, day.camera, light, vehicle.prisms, place, heading)
        shadow = np.minimum(shadow, mask)
    mask = np.ones((n, n), np.float32)
    draw_shadow(mask, day.camera, light, BOOTH, BOOTH_PLACE, 0.0)
    shadow = cv2.GaussianBlur(np.minimum(shadow, mask), (0, 0), 1.6)
    if light.is_night:
        shadow = 0.5 + 0.5 * shadow
    up = light.ambient + light.direct * max(0.0, float(light.sun[2]))
    wet = 0.72 if weather == "rain" else 1.0
    image = day.ground * (up * wet).astype(np.float32) * shadow[..., None]
    is_sky = day.ground[..., 0] < 0
    image[is_sky] = light.sky
    for vehicle, place, heading in everything:
        if place[1] >= BOOTH_PLACE[1]:
            draw_vehicle(image, day.camera, light, vehicle, place, heading)
    draw_prism(image, day.camera, light, BOOTH[0], BOOTH_PLACE, 0.0)
    for vehicle, place, heading in everything:
        if place[1] < BOOTH_PLACE[1]:
            draw_vehicle(image, day.camera, light, vehicle, place, heading)
    if light.ambient.mean() < 0.33:
        _add_lamps(image, day.camera, placed, is_night=light.is_night)
    boxes = []
    for vehicle, place, heading in placed:
        box = vehicle_box(day.camera, vehicle, place, heading)
        if visible_share(box) > 0.1:
            boxes.append((vehicle.kind, tuple(np.clip(box, 0, SIZE_PX).tolist())))
    moment = FIRST_DAY + timedelta(days=day.number, hours=hour)
    return Frame(_expose(rng, image, weather), boxes, light, moment)


def _add_lamps(
    image: np.ndarray,
    camera: Camera,
    placed: list[tuple[Vehicle, np.ndarray, float]],
    *,
    is_night: bool,
) -> None:
    n = camera.n
    glow = np.zeros((n // 4, n // 4, 3), np.float32)
    if is_night:  # one street lamp lights the gate
        y, x = np.mgrid[: n // 4, : n // 4].astype(np.float32) * 4
        fall = np.exp(
            -(((x - 0.55 * n) / (0.42 * n)) ** 2) - ((y - 0.62 * n) / (0.3 * n)) ** 2
        )
        lit = 1 + cv2.resize(fall, (n, n))[..., None] * np.array(
            [2.6, 2.2, 1.5], np.float32
        )
        image *= lit
    for vehicle, place, heading in placed:
        if not vehicle.has_lamps:
            continue
        for point, is_head in lamps_of(vehicle, camera, place, heading):
            colour = (255, 246, 214) if is_head else (220, 26, 20)
            where = tuple(int(v) for v in point)
            cv2.circle(image, where, 6 if is_head else 4, colour, -1, cv2.LINE_AA)
            small = tuple(int(v / 4) for v in point)
            cv2.circle(glow, small, 6 if is_head else 3, colour, -1)
    glow = cv2.GaussianBlur(glow, (0, 0), 9)
    image += cv2.resize(glow, (n, n)) * 0.9


def _expose(rng: np.random.Generator, image: np.ndarray, weather: str) -> np.ndarray:
    """Weather in the air, then lens, sensor and encoder."""
    n = image.shape[0]
    level = float(np.clip(image.mean(), 8, 120))
    if weather == "fog":
        rows = np.linspace(1.0, 0.25, n, dtype=np.float32)[:, None, None]
        share = rows * rng.uniform(0.35, 0.75)
        image = image * (1 - share) + np.float32(1.5 * level) * share
    if weather == "rain":
        drops = np.zeros((n, n), np.float32)
        slant = int(rng.integers(-4, 5))
        for x, y in rng.integers(0, n, (int(rng.integers(80, 260)), 2)):
            end = (int(x) + slant, int(y) + int(rng.integers(10, 26)))
            cv2.line(drops, (int(x), int(y)), end, 1.0, 1)
        image = image + cv2.GaussianBlur(drops, (3, 3), 0)[..., None] * level * 0.5
    gain = (95.0 / level) ** 0.45 * rng.uniform(
        0.9, 1.1
    )  # auto exposure, not all the way
    image = image * np.float32(gain)
    small = cv2.resize(image, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.4, 1.1))
    noise = rng.normal(0, rng.uniform(1.5, 4.5) * min(gain, 2.0), small.shape[:2])
    small = np.clip(small + noise.astype(np.float32)[..., None], 0, 255)
    return small.astype(np.uint8)


def write_set(
    folder: Path, *, n_days: int, frames_a_day: int, seed: int, n_processes: int = 1
) -> None:
    """Write frames and tables; days that are there already are not drawn again."""
    (folder / "frames").mkdir(parents=True, exist_ok=True)
    write_day = partial(_write_day, folder, seed, frames_a_day)
    days = range(n_days)
    if n_processes == 1:
        rows = [row for number in days for row in write_day(number)]
    else:
        context = multiprocessing.get_context("spawn")
        with context.Pool(n_processes, keep_freed_memory) as pool:
            rows = [row for day in pool.imap(write_day, days) for row in day]
    write_tables(folder, rows, n_days)


def _write_day(
    folder: Path, seed: int, n_frames: int, number: int
) -> list[dict[str, Any]]:
    done = folder / f"day_{number:02d}.json"
    if not done.exists():
        cv2.setNumThreads(1)
        day = make_day(seed, number)
        found = [_write_frame(folder, seed, day, i, n_frames) for i in range(n_frames)]
        part = done.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.replace(done)
        n_truck = sum(r["has_truck"] for r in found)
        print(f"day {number}: {day.weather}, {n_truck} with truck", flush=True)
    rows: list[dict[str, Any]] = json.loads(done.read_text())
    return rows


def _write_frame(folder: Path, seed: int, day: Day, i: int, n: int) -> dict[str, Any]:
    frame = draw_frame(seed, day, i, n)
    name = f"frames/d{day.number:02d}_{i:05d}.jpg"
    quality = 62 + (i * 7919 + day.number) % 30
    cv2.imwrite(
        str(folder / name), frame.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return {
        "image": name,
        "day": day.number,
        "t_utc": frame.moment.isoformat(),
        "light": frame.light.name,
        "has_truck": frame.has_truck,
        "boxes": frame.boxes,
    }


def write_tables(folder: Path, rows: list[dict[str, Any]], n_days: int) -> None:
    """Write the label set's four tables: days 10:2:2 train, validation, test."""
    import pandas as pd

    order = np.random.default_rng(0).permutation(n_days)
    n_held = max(1, round(n_days / 7))
    split_of = dict.fromkeys(range(n_days), "train")
    split_of |= dict.fromkeys((int(d) for d in order[:n_held]), "test")
    split_of |= dict.fromkeys(
        (int(d) for d in order[n_held : 2 * n_held]), "validation"
    )
    names = [r["image"] for r in rows]
    days = [f"{FIRST_DAY + timedelta(days=r['day']):%Y-%m-%d}" for r in rows]
    pd.DataFrame(
        {
            "image": names,
            "camera": CAMERA_NAME,
            "group": days,
            "day": days,
            "t_utc": pd.to_datetime([r["t_utc"] for r in rows], utc=True),
            "width": SIZE_PX,
            "height": SIZE_PX,
            "phash": [hashlib.sha256(n.encode()).hexdigest()[:16] for n in names],
            "light": [r["light"] for r in rows],
        }
    ).to_parquet(folder / "frames.parquet", index=False)
    has = np.array([r["has_truck"] for r in rows])
    pd.DataFrame(
        {
            "image": names,
            "label": np.where(has, "truck", "no_truck"),
            "p_truck": has.astype(np.float32),
            "source": "drawn",
            "labeller": "toy_camera",
            "weight": np.float32(1),
        }
    ).to_parquet(folder / "labels.parquet", index=False)
    boxes = [
        {"image": r["image"], "class": "truck" if kind in TRUCK_KINDS else kind}
        | dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
        for r in rows
        for kind, box in r["boxes"]
    ]
    pd.DataFrame(boxes).to_parquet(folder / "boxes.parquet", index=False)
    splits = [split_of[r["day"]] for r in rows]
    pd.DataFrame({"image": names, "split": splits, "unit": days}).to_parquet(
        folder / "splits.parquet", index=False
    )


def write_sheet(path: Path, seed: int, n: int = 40) -> None:
    """Write a contact sheet of frames over days and hours; trucks framed."""
    tiles = []
    for k in range(n):
        day = make_day(seed, k % 14)
        frame = draw_frame(seed, day, (k * 37) % 420, 420)
        tile = np.ascontiguousarray(frame.image)
        if frame.has_truck:
            cv2.rectangle(tile, (0, 0), (SIZE_PX - 1, SIZE_PX - 1), (255, 40, 40), 6)
        tiles.append(tile)
    rows = [np.hstack(tiles[i : i + 8]) for i in range(0, n, 8)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def main() -> None:
    """Draw a set, or a contact sheet of what it would hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--frames-a-day", type=int, default=420)
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    if arguments.sheet is not None:
        write_sheet(arguments.sheet, arguments.seed)
        return
    write_set(
        arguments.to,
        n_days=arguments.days,
        frames_a_day=arguments.frames_a_day,
        seed=arguments.seed,
        n_processes=arguments.processes,
    )


if __name__ == "__main__":
    main()
