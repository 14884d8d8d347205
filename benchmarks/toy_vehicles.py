"""Vehicles of the toy camera: a few prisms each, projected, shaded, with shadows.

Lengths are metres. A vehicle stands at the origin, nose along +x, wheels on z = 0;
a prism is a convex outline extruded: side outlines (x, z) over the width, or cross
sections (y, z) over the length.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
TRUCK_KINDS = ("box", "trailer", "tanker", "flatbed", "tipper")
LIGHT_KINDS = ("car", "suv", "van", "pickup")
GLASS = (28, 36, 44)
DARK = (30, 30, 32)


@dataclass(slots=True)
class Prism:
    """A convex solid and its colour (RGB)."""

    outline: Points
    """Shape (K, 2), counter-clockwise."""
    span: tuple[float, float]
    colour: tuple[float, float, float]
    is_along: bool = False
    """Outline is a cross section (y, z), extruded over the length (x)."""
    decals: list[tuple[Points, tuple[float, float, float]]] = field(
        default_factory=list
    )
    """Polygons (x, z) painted on both sides of a side-outline prism."""

    def corners(self) -> tuple[Points, Points]:
        """Both ends' corners, shape (K, 3) each."""
        a, b = self.outline[:, 0], self.outline[:, 1]
        low, high = (np.full(len(a), s) for s in self.span)
        if self.is_along:
            return np.stack([low, a, b], 1), np.stack([high, a, b], 1)
        return np.stack([a, low, b], 1), np.stack([a, high, b], 1)


@dataclass(slots=True)
class Vehicle:
    """Prisms, wheels and lamps of one road user."""

    kind: str
    prisms: list[Prism]
    wheels: list[tuple[float, float]]
    """(x, radius) of each axle."""
    width: float
    length: float
    has_lamps: bool = True

    @property
    def is_truck(self) -> bool:
        """Whether the label of a frame with it is `truck`."""
        return self.kind in TRUCK_KINDS


def rect(x0: float, x1: float, z0: float, z1: float) -> Points:
    """Corners of a rectangle, counter-clockwise."""
    return np.array([[x0, z0], [x1, z0], [x1, z1], [x0, z1]], float)


def make_vehicle(rng: np.random.Generator, kind: str) -> Vehicle:
    """Draw a vehicle of a kind with its own sizes and colours."""
    return _MAKERS[kind](rng, kind)


def _paint(rng: np.random.Generator) -> tuple[float, float, float]:
    common = [(225, 225, 222), (60, 62, 66), (20, 20, 24), (130, 134, 140)]
    bright = [(165, 30, 32), (30, 62, 140), (196, 160, 40), (36, 96, 60), (190, 92, 30)]
    pool = common if rng.random() < 0.62 else bright
    colour = np.array(pool[int(rng.integers(len(pool)))], float)
    return tuple(np.clip(colour + rng.normal(0, 10, 3), 5, 245))


def _car(rng: np.random.Generator, kind: str) -> Vehicle:
    tall = 1.25 if kind == "suv" else 1.0
    n = rng.uniform(3.9, 4.8)
    h, w = 0.78 * tall + 0.05, rng.uniform(1.7, 1.9)
    top = rng.uniform(1.4, 1.5) * (1.18 if kind == "suv" else 1.0)
    paint = _paint(rng)
    body = Prism(
        np.array(
            [[0, 0.28], [n, 0.28], [n, h - 0.14], [n - 0.5, h], [0.1, h], [0, h - 0.1]]
        ),
        (-w / 2, w / 2),
        paint,
    )
    back, front = rng.uniform(0.15, 0.6), n - rng.uniform(1.3, 1.6)
    cabin = np.array([[back, h], [front, h], [front - 0.7, top], [back + 0.45, top]])
    centre = cabin.mean(0)
    glass = centre + (cabin - centre) * [0.9, 0.72]
    house = Prism(cabin, (-w / 2 + 0.08, w / 2 - 0.08), paint, decals=[(glass, GLASS)])
    return Vehicle(kind, [body, house], [(0.8, 0.32), (n - 0.85, 0.32)], w, n)


def _van(rng: np.random.Generator, kind: str) -> Vehicle:
    n, w = rng.uniform(4.9, 6.0), rng.uniform(1.9, 2.05)
    top = rng.uniform(1.95, 2.5)
    paint = _paint(rng) if rng.random() < 0.4 else (228.0, 228.0, 226.0)
    outline = np.array(
        [[0, 0.35], [n, 0.35], [n, 0.95], [n - 0.75, 1.25], [n - 1.45, top], [0, top]]
    )
    glass = np.array([[n - 2.1, 1.2], [n - 1.0, 1.2], [n - 1.5, top - 0.3]])
    glass = np.vstack([glass, [[n - 2.1, top - 0.3]]])
    decals = [(glass, GLASS)]
    if rng.random() < 0.4:
        x = rng.uniform(0.5, 1.2)
        decals.append((rect(x, x + 1.6, 0.9, 1.5), _paint(rng)))
    body = Prism(outline, (-w / 2, w / 2), paint, decals=decals)
    return Vehicle(kind, [body], [(0.95, 0.36), (n - 0.95, 0.36)], w, n)


def _pickup(rng: np.random.Generator, kind: str) -> Vehicle:
    n, w = rng.uniform(5.0, 5.7), rng.uniform(1.8, 2.0)
    paint = _paint(rng)
    bed = Prism(rect(0, n, 0.45, 1.05), (-w / 2, w / 2), paint)
    cabin = np.array([[1.9, 1.05], [n - 1.3, 1.05], [n - 2.1, 1.8], [2.1, 1.8]])
    centre = cabin.mean(0)
    glass = centre + (cabin - centre) * [0.88, 0.7]
    house = Prism(cabin, (-w / 2 + 0.1, w / 2 - 0.1), paint, decals=[(glass, GLASS)])
    return Vehicle(kind, [bed, house], [(1.0, 0.39), (n - 1.0, 0.39)], w, n)


def _cab(rng: np.random.Generator, x: float, paint: tuple, w: float) -> Prism:  # type: ignore[type-arg]
    n, top = rng.uniform(1.7, 2.2), rng.uniform(2.6, 3.3)
    outline = np.array(
        [[x, 0.5], [x + n, 0.5], [x + n, 1.5], [x + n - 0.2, top], [x, top]]
    )
    glass = rect(x + 0.6, x + n - 0.22, 1.65, top - 0.45)
    return Prism(outline, (-w / 2 + 0.04, w / 2 - 0.04), paint, decals=[(glass, GLASS)])


def _side_art(
    rng: np.random.Generator, x0: float, x1: float, z0: float, z1: float
) -> list[tuple[Points, tuple[float, float, float]]]:
    art = []
    if rng.random() < 0.55:
        a = rng.uniform(x0 + 0.1 * (x1 - x0), x0 + 0.4 * (x1 - x0))
        b = rng.uniform(a + 0.25 * (x1 - x0), x1 - 0.1 * (x1 - x0))
        c = rng.uniform(z0 + 0.3, z0 + 0.5 * (z1 - z0))
        art.append((rect(a, b, c, c + rng.uniform(0.2, 0.42) * (z1 - z0)), _paint(rng)))
    if rng.random() < 0.35:
        art.append((rect(x0, x1, z0 + 0.05, z0 + 0.35), _paint(rng)))
    return art


def _truck(rng: np.random.Generator, kind: str) -> Vehicle:
    w = rng.uniform(2.4, 2.55)
    paint = _paint(rng)
    cargo = {"box": (5.2, 7.6), "tipper": (4.6, 5.8), "flatbed": (6.0, 8.5)}
    low, high = cargo.get(kind, (10.0, 13.4))
    n = rng.uniform(low, high)
    gap = rng.uniform(0.15, 0.5)
    floor = 1.0 if kind in {"box", "flatbed"} else 1.15
    top = rng.uniform(3.3, 4.0)
    chassis = Prism(
        rect(0, n + gap + 1.0, 0.62, 0.98), (-w / 2 + 0.3, w / 2 - 0.3), DARK
    )
    prisms = [chassis]
    if kind in {"box", "trailer"}:
        shade = _paint(rng) if rng.random() < 0.5 else (226.0, 226.0, 222.0)
        art = _side_art(rng, 0, n, floor, top)
        prisms.append(Prism(rect(0, n, floor, top), (-w / 2, w / 2), shade, decals=art))
    elif kind == "tanker":
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        radius, z = 1.05, floor + 1.05
        ring = np.stack([radius * 1.1 * np.cos(angles), z + radius * np.sin(angles)], 1)
        shade = (196.0, 200.0, 204.0) if rng.random() < 0.6 else _paint(rng)
        prisms.append(Prism(ring, (0.1, n - 0.1), shade, is_along=True))
    elif kind == "tipper":
        side = np.array([[0.3, floor], [n, floor], [n, 2.7], [-0.1, 2.5]])
        prisms.append(Prism(side, (-w / 2, w / 2), _paint(rng)))
    else:
        prisms.append(
            Prism(rect(0, n, floor, floor + 0.15), (-w / 2, w / 2), (88, 70, 52))
        )
        x, wood = 0.4, (150.0, 118.0, 78.0)
        while x < n - 1.6:  # crates and pipes, so that flatbeds differ
            m, z = rng.uniform(1.0, 2.4), floor + rng.uniform(0.6, 1.7)
            shade = wood if rng.random() < 0.6 else _paint(rng)
            box = rect(x, min(x + m, n - 0.2), floor + 0.15, z)
            prisms.append(Prism(box, (-w / 2 + 0.15, w / 2 - 0.15), shade))
            x += m + rng.uniform(0.1, 1.2)
    cab = _cab(rng, n + gap, paint, w)
    prisms.append(cab)
    end = float(cab.outline[:, 0].max())
    axles = [(end - 0.9, 0.5), (1.2, 0.5), (2.3, 0.5)]
    if kind in {"trailer", "tanker"}:
        axles += [(3.4, 0.5), (n - 0.9, 0.5)]
    return Vehicle(kind, prisms, axles, w, end)


def _person(rng: np.random.Generator, kind: str) -> Vehicle:
    coat = _paint(rng) if rng.random() < 0.5 else (232.0, 140.0, 24.0)
    h = rng.uniform(1.55, 1.85)
    legs = Prism(rect(0.05, 0.3, 0, 0.48 * h), (-0.14, 0.14), (40, 42, 58))
    chest = Prism(rect(0, 0.34, 0.45 * h, 0.84 * h), (-0.22, 0.22), coat)
    head = Prism(rect(0.07, 0.28, 0.85 * h, h), (-0.1, 0.1), (186, 146, 120))
    return Vehicle(kind, [legs, chest, head], [], 0.5, 0.4, has_lamps=False)


_MAKERS = (
    dict.fromkeys(("car", "suv"), _car)
    | dict.fromkeys(TRUCK_KINDS, _truck)
    | {"van": _van, "pickup": _pickup, "person": _person}
)


def draw_polygon(
    image: npt.NDArray[np.float32], points: Points, colour: object
) -> None:
    """Fill a convex polygon, points (K, 2) in pixels."""
    where = np.round(points * 16).astype(np.int32)
    cv2.fillConvexPoly(image, where, colour, cv2.LINE_AA, shift=4)
