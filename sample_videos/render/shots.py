"""The sample videos: what each shows, from where, and who drives when."""

import random
from dataclasses import dataclass, field

import fleet
import motion
import world


@dataclass
class Shot:
    """One clip."""

    clip: str
    camera: str
    timezone: str
    gate: str
    polygon: list
    in_vector: tuple
    light: str
    note: str
    duration_s: float
    build_set: object
    actors: list
    fps: float = 10.0
    width: int = 640
    height: int = 360
    noise: float = 3.5
    is_raining: bool = False
    clock_from: str = ""
    crf: int = 26
    aspect: float = field(default=16 / 9)


def _vehicle(kind, seed, power=0.6):
    return lambda: fleet.build(kind, seed, power)


def _drive(kind, seed, y, x_at, t_at, speed, sign=1, power=0.6):
    return motion.drive(kind, _vehicle(kind, seed, power), kind in fleet.TRUCKS, y, x_at, t_at, speed, sign)


def _stop(kind, seed, y, stops, speed, sign, t_start, x_start, power=0.6):
    return motion.stop_and_go(kind, _vehicle(kind, seed, power), kind in fleet.TRUCKS, y, stops, speed, sign, t_start, x_start)


def _gate_set(light, ground="grass", is_lit=False, is_wet=False, azimuth=282):
    def build(scene):
        world.light(scene, light, azimuth)
        world.ground(ground)
        world.road(2, 4.2, 2.5, is_wet=is_wet)
        world.slab("apron", -70, 70, 13, 40, -0.02, world.asphalt(is_wet))
        world.warehouse(-42, 48, 36, 10.5, 10)
        world.fence(-60, -9, 11.8)
        world.fence(9, 60, 11.8)
        world.poles((-32, 0, 32), 12.6, is_lit)
        world.trees(random.Random(5), 6, (-60, 60), (-34, -22))
        world.trees(random.Random(8), 5, (45, 90), (16, 40))
        world.skyline(random.Random(3), 120, 9)
        world.camera(scene, (-15, -22, 8.5), (1.5, 6, 1.2), 34)

    return build


def _yard_set(scene):
    world.light(scene, "day", 78)
    world.ground("paved")
    world.slab("yard", -90, 90, -14, 46, -0.01, world.asphalt())
    world.road(3, 4.6, 1.0, y0=0.0)
    world.warehouse(-60, 70, 44, 12, 14)
    world.poles((-40, 10, 60), 16.5)
    world.fence(-80, 80, -15)
    world.skyline(random.Random(11), 130, 8)
    world.camera(scene, (16, -24, 10.0), (-1, 6.5, 0.8), 32)


def _highway_set(scene):
    world.light(scene, "low", 235)
    world.ground("dry")
    world.road(3, 3.8, 2.6, y0=1.0)
    world.road(3, 3.8, 2.6, y0=-14.0)
    world.barrier(-0.8)
    world.trees(random.Random(21), 16, (-120, 120), (22, 50))
    world.poles((-60, -20, 20, 60), 16.8)
    world.skyline(random.Random(4), 140, 10)
    world.camera(scene, (-34, -19.5, 11.5), (2, 3.5, 0.5), 44)


def _port_set(scene):
    world.light(scene, "rain", 200)
    world.ground("earth")
    world.road(2, 3.9, 2.2, is_wet=True)
    world.fence(-70, 70, 11)
    world.poles((-35, 0, 35), 10.6)
    world.warehouse(-90, 40, 55, 9, 9)
    world.trees(random.Random(31), 6, (-60, 70), (15, 40))
    world.skyline(random.Random(32), 110, 12)
    world.camera(scene, (-24, -13, 7.5), (4, 4.5, 1.0), 40)


def _street_set(scene):
    world.light(scene, "overcast", 100)
    world.ground("grass")
    world.road(2, 3.7, 2.0)
    world.trees(random.Random(41), 10, (-60, 60), (14, 34))
    world.poles((-28, 14), 10.2)
    world.fence(-60, 60, 10.8)
    world.skyline(random.Random(42), 90, 14)
    world.camera(scene, (12, -19, 7.0), (-2, 4.5, 1.0), 34)


NEAR, FAR = 2.1, 6.3  # lanes of the gate road: out of the centre, into it

SHOTS = [
    Shot(
        "dc-north_20260302T080000-0600", "dc-north", "America/Chicago", "exit",
        [[0.28, 0.30], [0.76, 0.30], [0.82, 0.72], [0.22, 0.80]], (-1.0, 0.1), "day",
        "distribution-centre gate by day: trucks leave and arrive among cars and vans",
        25.0, _gate_set("day"),
        [
            _drive("semi", 11, NEAR, 0, 3.4, 9.5, 1),
            _drive("sedan", 3, FAR, 0, 2.0, 11.5, -1),
            _drive("box_truck", 5, FAR, 0, 6.6, 10.0, -1),
            _drive("panel_van", 9, NEAR, 0, 8.0, 11.0, 1),
            _drive("day_semi", 8, NEAR, 0, 11.4, 9.0, 1),
            _drive("suv", 4, FAR, 0, 12.6, 11.0, -1),
            _drive("step_van", 2, FAR, 0, 16.2, 10.0, -1),
            _drive("pickup", 7, NEAR, 0, 15.6, 11.0, 1),
            _drive("dump_truck", 1, NEAR, 0, 19.6, 9.5, 1),
            _drive("sedan", 13, FAR, 0, 21.6, 12.0, -1),
        ],
    ),
    Shot(
        "yard-east_20260302T101500-0600", "yard-east", "America/Chicago", "lane",
        [[0.14, 0.34], [0.90, 0.34], [0.94, 0.80], [0.08, 0.76]], (-1.0, 0.0), "day",
        "yard: one truck parked all the time, one waits and goes on, one comes and parks",
        30.0, _yard_set,
        [
            motion.park("box_truck", _vehicle("box_truck", 21), True, 11.6, 6.5, 0),
            _stop("day_semi", 23, 2.3, [(-1.0, 9.0)], 6.5, 1, 0.0, -32.0),
            motion.park("box_truck", _vehicle("box_truck", 22), True, 11.6, -8.0, 5.5, 1, -45.0, 13.0),
            _drive("sedan", 24, 6.9, 0, 4.0, 8.0, -1),
            _drive("panel_van", 25, 6.9, 0, 22.0, 8.0, -1),
        ],
        noise=2.5,
    ),
    Shot(
        "highway-9_20260302T165948-0600", "highway-9", "America/Chicago", "westbound",
        [[0.16, 0.34], [0.66, 0.22], [0.92, 0.42], [0.60, 0.92], [0.10, 0.90]], (1.0, -0.5), "low",
        "highway across 17:00 local: two trucks abreast, two nose to tail",
        24.0, _highway_set,
        [
            _drive("semi", 31, 2.9, 0, 3.0, 20.0, 1),
            _drive("day_semi", 32, 10.5, -1, 3.4, 20.5, 1),
            _drive("sedan", 33, 6.7, 0, 5.2, 26.0, 1),
            _drive("tanker", 34, 2.9, 0, 8.4, 19.0, 1),
            _drive("box_truck", 35, 2.9, -21, 8.4, 19.0, 1),
            _drive("suv", 36, 10.5, 0, 9.4, 26.0, 1),
            _drive("bus", 37, 6.7, 0, 12.4, 22.0, 1),
            _drive("semi", 38, 6.7, 0, 15.4, 21.0, 1),
            _drive("pickup", 39, 2.9, 0, 17.4, 25.0, 1),
            _drive("dump_truck", 40, 2.9, 0, 20.2, 19.0, 1),
            _drive("panel_van", 41, 6.7, 0, 19.2, 25.0, 1),
            _drive("sedan", 42, -6.4, 0, 7.0, 27.0, -1),
            _drive("suv", 43, -10.2, 0, 13.5, 27.0, -1),
        ],
    ),
    Shot(
        "dc-south_20260302T183000-0600", "dc-south", "America/Chicago", "exit",
        [[0.28, 0.30], [0.76, 0.30], [0.82, 0.72], [0.22, 0.80]], (-1.0, 0.1), "dusk",
        "the gate of another centre at dusk, headlights on",
        22.0, _gate_set("dusk", "dry", is_lit=True, azimuth=290),
        [
            _drive("day_semi", 51, FAR, 0, 3.4, 10.0, -1, 8.0),
            _drive("sedan", 52, NEAR, 0, 4.4, 12.0, 1, 8.0),
            _drive("box_truck", 53, NEAR, 0, 7.8, 10.0, 1, 8.0),
            _drive("panel_van", 54, FAR, 0, 9.4, 11.5, -1, 8.0),
            _drive("semi", 55, NEAR, 0, 13.2, 9.5, 1, 8.0),
            _drive("tanker", 56, FAR, 0, 17.6, 9.5, -1, 8.0),
            _drive("suv", 57, NEAR, 0, 18.2, 12.0, 1, 8.0),
        ],
        noise=5.0, crf=31,
    ),
    Shot(
        "port-road_20260303T073000-0600", "port-road", "America/Chicago", "main",
        [[0.20, 0.36], [0.72, 0.26], [0.92, 0.46], [0.62, 0.95], [0.10, 0.92]], (1.0, -0.4), "rain",
        "rain, low contrast, a clock in the picture",
        22.0, _port_set,
        [
            _drive("semi", 61, 1.95, 0, 3.2, 11.0, 1, 2.0),
            _drive("suv", 62, 5.85, 0, 5.0, 13.0, -1, 2.0),
            _drive("dump_truck", 63, 5.85, 0, 9.8, 11.0, -1, 2.0),
            _drive("box_truck", 65, 1.95, 0, 12.6, 11.0, 1, 2.0),
            _drive("tanker", 67, 1.95, 0, 18.2, 10.5, 1, 2.0),
        ],
        noise=4.5, is_raining=True, clock_from="2026-03-03 07:30:00", crf=29,
    ),
    Shot(
        "side-street_20260303T120000-0600", "side-street", "America/Chicago", "main",
        [[0.16, 0.34], [0.84, 0.34], [0.90, 0.82], [0.10, 0.72]], (-1.0, 0.0), "overcast",
        "no truck at all: cars, a pickup, a panel van, a bus",
        16.0, _street_set,
        [
            _drive("sedan", 71, 1.85, 0, 1.6, 11.0, 1),
            _drive("panel_van", 72, 5.55, 0, 4.2, 10.5, -1),
            _drive("pickup", 73, 1.85, 0, 6.4, 11.0, 1),
            _drive("bus", 74, 5.55, 0, 9.8, 10.0, -1),
            _drive("suv", 75, 1.85, 0, 11.0, 11.5, 1),
            _drive("panel_van", 76, 1.85, 0, 13.8, 11.0, 1),
        ],
    ),
]
