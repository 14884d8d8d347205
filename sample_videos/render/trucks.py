"""Kinds of trucks to mesh objects; origin on the ground under the middle."""

import materials as m
from mesh import MeshBuilder

WHEEL = 0.52  # metres, radius


def _axle(b, x, half, is_double=True):
    for side in (-1, 1):
        b.wheel(x, side * (half - 0.15), WHEEL, 0.30, m.rubber(), m.chrome())
        if is_double:
            b.wheel(x, side * (half - 0.50), WHEEL, 0.28, m.rubber(), m.frame())


def _lights(b, front, rear, half, z, power, rear_z=1.0):
    for side in (-1, 1):
        b.box((front, side * (half - 0.3), z), (0.08, 0.32, 0.2), m.lamp("head", (1, 0.95, 0.82), power), 0)
        b.box((rear, side * (half - 0.25), rear_z), (0.06, 0.28, 0.14), m.lamp("tail", (0.9, 0.03, 0.02), power * 0.25), 0)


def _mirror(b, x, half, z):
    for side in (-1, 1):
        b.box((x, side * (half + 0.18), z), (0.10, 0.22, 0.45), m.frame(), 0.02)


def _conventional(b, nose, colour, is_sleeper, power):
    """Hooded American tractor; returns the x where its frame ends."""
    half, body = 1.22, m.paint(colour)
    cab = nose - 2.0
    back = cab - (3.3 if is_sleeper else 1.7)
    b.profile([(nose, 0.75), (nose, 1.55), (nose - 0.3, 1.75), (cab, 2.0), (cab, 0.75)], 2.0, body, bevel=0.10, taper=0.9)
    b.profile([(cab + 0.1, 0.8), (cab + 0.1, 2.0), (cab - 0.45, 2.85), (cab - 0.8, 2.95), (back, 2.95), (back, 0.8)], 2.35, body, bevel=0.08)
    b.profile([(cab + 0.14, 2.02), (cab - 0.42, 2.82), (cab - 0.5, 2.80), (cab + 0.04, 2.0)], 2.05, m.glass(), bevel=0)
    for side in (-1, 1):
        b.box((cab - 0.75, side * 1.18, 2.3), (0.85, 0.04, 0.65), m.glass(), 0)
        b.cylinder((cab - 1.0, side * 1.0, 0.85), 0.32, 1.3, "x", m.chrome())
        b.cylinder((back - 0.12, side * 1.05, 2.2), 0.08, 2.6, "z", m.chrome())
    if is_sleeper:
        b.profile([(cab - 0.7, 2.95), (cab - 1.9, 3.75), (back, 3.8), (back, 2.95)], 2.25, body, bevel=0.1)
    else:
        b.profile([(cab - 0.5, 2.95), (cab - 1.5, 3.5), (cab - 1.6, 2.95)], 1.9, body, bevel=0.05)
    b.box((nose + 0.03, 0, 1.18), (0.06, 1.1, 0.75), m.chrome(), 0.02)
    b.box((nose + 0.08, 0, 0.62), (0.25, 2.3, 0.38), m.chrome(), 0.06)
    _mirror(b, cab - 0.1, half, 2.3)
    _axle(b, nose - 0.9, half, is_double=False)
    end = back - 2.6
    b.box(((back + end) / 2, 0, 0.95), (back - end, 0.9, 0.25), m.frame(), 0)
    _axle(b, end + 0.6, half)
    _axle(b, end + 1.85, half)
    _lights(b, nose - 0.05, end, half, 1.15, power, 0.9)
    return end


def _cabover(b, nose, colour, power, height=2.7, half=1.15):
    """Flat-fronted cab; returns the x of its back."""
    body = m.paint(colour)
    back = nose - 1.75
    b.profile([(nose, 0.6), (nose, 1.5), (nose - 0.22, height - 0.15), (nose - 0.4, height), (back, height), (back, 0.6)], 2 * half, body, bevel=0.1, taper=0.96)
    b.profile([(nose + 0.02, 1.55), (nose - 0.19, height - 0.25), (nose - 0.26, height - 0.25), (nose - 0.05, 1.5)], 2 * half - 0.25, m.glass(), bevel=0)
    for side in (-1, 1):
        b.box((nose - 0.75, side * (half - 0.01), 1.85), (0.8, 0.06, 0.6), m.glass(), 0)
    b.box((nose + 0.05, 0, 0.55), (0.18, 2 * half - 0.1, 0.3), m.frame(), 0.04)
    b.box((nose + 0.02, 0, 1.15), (0.05, 1.3, 0.3), m.frame(), 0.0)
    _mirror(b, nose - 0.1, half, 1.9)
    _axle(b, nose - 0.85, half, is_double=False)
    return back


def semi(colour="red", cargo="white", is_sleeper=True, power=0.5, trailer="box"):
    """Build a tractor with a 14.6 m box, reefer or tank trailer."""
    b = MeshBuilder()
    end = _conventional(b, 10.2, colour, is_sleeper, power)
    front = end + 1.7
    rear = front - 14.4
    if trailer == "tank":
        b.cylinder(((front + rear) / 2, 0, 2.15), 1.08, 13.4, "x", m.chrome(), 28)
        for x in (front - 0.5, (front + rear) / 2, rear + 0.9):
            b.box((x, 0, 2.15), (0.12, 2.2, 2.2), m.frame(), 0.4)
        b.box(((front + rear) / 2, 0, 3.24), (8.0, 0.5, 0.08), m.frame(), 0)
    else:
        b.box(((front + rear) / 2, 0, 2.62), (14.4, 2.58, 2.85), m.panel(cargo), 0.05)
        for k in range(1, 24):
            x = front - 14.4 * k / 24
            for side in (-1, 1):
                b.box((x, side * 1.295, 2.62), (0.05, 0.02, 2.7), m.panel(cargo), 0)
        b.box((front + 0.25, 0, 3.1), (0.5, 1.8, 1.3), m.paint("silver"), 0.08)
        b.box((rear - 0.01, 0, 2.62), (0.03, 0.06, 2.7), m.frame(), 0)
    b.box(((front + rear) / 2, 0, 1.08), (14.0, 1.0, 0.26), m.frame(), 0)
    for side in (-1, 1):
        b.box((front - 3.0, side * 0.75, 0.65), (0.18, 0.14, 0.9), m.frame(), 0)
        b.box(((front + rear) / 2 - 1.0, side * 1.22, 0.85), (6.0, 0.04, 0.6), m.plain("skirt", (0.5, 0.5, 0.5)), 0)
        b.box((rear + 0.1, side * 0.95, 0.45), (0.03, 0.55, 0.6), m.rubber(), 0)
    b.box((rear + 0.05, 0, 0.6), (0.12, 2.3, 0.14), m.frame(), 0)
    for x in (rear + 1.1, rear + 2.35):
        _axle(b, x, 1.27)
    for side in (-1, 1):
        b.box((rear - 0.02, side * 1.02, 1.05), (0.06, 0.28, 0.14), m.lamp("tail", (0.9, 0.03, 0.02), power * 0.25), 0)
    return b.to_object("semi")


def box_truck(colour="white", cargo="white", power=0.5):
    """Build a two-axle box truck."""
    b = MeshBuilder()
    back = _cabover(b, 3.9, colour, power)
    b.box(((back - 0.1 - 3.9) / 2, 0, 2.2), (back + 3.8, 2.42, 2.5), m.panel(cargo), 0.05)
    b.profile([(back, 2.75), (back + 0.9, 2.75), (back + 0.3, 3.35), (back, 3.35)], 2.2, m.paint(colour), bevel=0.05)
    b.box((-0.8, 0, 0.8), (6.0, 0.9, 0.22), m.frame(), 0)
    b.box((-3.9, 0, 0.55), (0.12, 2.2, 0.14), m.frame(), 0)
    _axle(b, -2.1, 1.2)
    _lights(b, 3.95, -3.93, 1.15, 0.9, power, 0.85)
    return b.to_object("box_truck")


def dump_truck(colour="yellow", power=0.5):
    """Build a three-axle dump truck with a ribbed bed."""
    b = MeshBuilder()
    back = _cabover(b, 4.3, colour, power, 2.8)
    bed = m.noisy("bed", (0.30, 0.24, 0.12), 0.4, 3.0, 0.7)
    b.profile([(back - 0.15, 1.15), (back - 0.05, 2.75), (back + 0.75, 2.85), (back + 0.7, 2.95), (back - 0.1, 2.95), (-4.2, 2.6), (-4.4, 1.15)], 2.45, bed, bevel=0.03)
    for k in range(6):
        x = back - 0.7 - 1.0 * k
        for side in (-1, 1):
            b.box((x, side * 1.25, 1.95), (0.12, 0.1, 1.5), bed, 0)
    b.profile([(back - 0.4, 2.7), (back - 2.5, 3.25), (-3.6, 2.6)], 1.9, m.noisy("gravel", (0.28, 0.25, 0.2), 0.5, 8.0), bevel=0.1)
    b.box((-0.6, 0, 0.95), (7.4, 0.9, 0.26), m.frame(), 0)
    for x in (-1.6, -2.95):
        _axle(b, x, 1.22)
    _lights(b, 4.35, -4.45, 1.15, 0.95, power)
    return b.to_object("dump_truck")


def tanker(colour="white", power=0.5):
    """Build a tractor with a tank trailer."""
    return semi(colour, "silver", is_sleeper=False, power=power, trailer="tank")


def day_semi(colour="blue", cargo="white", power=0.5):
    """Build a day-cab tractor with a box trailer."""
    return semi(colour, cargo, is_sleeper=False, power=power)


def step_van(colour="brown", power=0.5):
    """Build a walk-in parcel van."""
    b = MeshBuilder()
    body = m.panel(colour)
    b.profile([(3.4, 0.5), (3.45, 1.25), (2.75, 1.5), (2.35, 2.85), (2.1, 3.0), (-3.3, 3.0), (-3.4, 2.9), (-3.4, 0.5)], 2.35, body, bevel=0.08)
    b.profile([(2.77, 1.55), (2.42, 2.7), (2.35, 2.68), (2.70, 1.53)], 2.1, m.glass(), bevel=0)
    for side in (-1, 1):
        b.box((1.9, side * 1.18, 2.1), (0.75, 0.03, 0.8), m.glass(), 0)
        b.wheel(2.4, side * 1.0, 0.42, 0.26, m.rubber(), m.frame())
        b.wheel(-1.9, side * 1.0, 0.42, 0.40, m.rubber(), m.frame())
    b.box((3.5, 0, 0.5), (0.15, 2.2, 0.25), m.frame(), 0.03)
    _mirror(b, 2.5, 1.17, 2.0)
    _lights(b, 3.43, -3.42, 1.15, 0.95, power, 1.1)
    return b.to_object("step_van")
