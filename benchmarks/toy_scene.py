"""One gate camera of a yard that is not there: camera, road, light, weather."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.toy_vehicles import Points, Prism, Vehicle, draw_polygon, rect

SIZE_PX = 335  # the article's input
OVERSAMPLE = 2
FOCAL = 0.96  # of the picture's width: 55 degrees across
CAMERA_M = np.array([0.0, 0.0, 6.6])
PITCH = math.radians(15.0)
ROAD_ANGLE = math.radians(-14.0)  # of the road against the picture's horizontal
LANES_M = (16.0, 20.4)  # distance of each lane's middle at the picture's centre
WEATHER = ("clear", "clear", "cloud", "cloud", "rain", "fog")

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Light:
    """Light and weather of one moment."""

    hour: float
    weather: str
    sun: Points
    """Unit vector towards the sun; below the horizon at night."""
    sky: tuple[float, float, float]
    ambient: Points
    direct: Points
    is_night: bool

    @property
    def name(self) -> str:
        """`day`, `dusk` or `night`, for the label set."""
        if self.is_night:
            return "night"
        return "dusk" if self.sun[2] < 0.25 else "day"


def make_light(rng: np.random.Generator, hour: float, weather: str) -> Light:
    """Light at an hour of the day."""
    turn = math.pi * (hour - 6.0) / 12.0
    up = math.sin(turn) * 0.85
    sun = np.array([math.cos(turn), -0.35, up])
    sun /= np.linalg.norm(sun)
    day = float(np.clip((up + 0.08) / 0.3, 0, 1))
    grey = {"clear": 0.0, "cloud": 0.8, "rain": 1.0, "fog": 1.0}[weather]
    warm = np.array([1.0, 0.93 - 0.2 * (1 - day), 0.84 - 0.35 * (1 - day)])
    ambient = (0.10 + 0.42 * day + 0.18 * grey * day) * np.array([0.94, 0.98, 1.06])
    direct = 0.75 * day * (1 - grey) * warm * float(up > 0.02)
    clear, dull = np.array([120, 165, 220]), np.array([182, 186, 190])
    sky = (clear * (1 - grey) + dull * grey) * (0.10 + 0.9 * day)
    return Light(
        hour,
        weather,
        sun,
        tuple(sky + rng.normal(0, 4, 3)),
        ambient * rng.uniform(0.9, 1.1),
        direct * rng.uniform(0.85, 1.1),
        is_night=day < 0.15,
    )


class Camera:
    """Projects metres to pixels; moves a little from day to day."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.n = SIZE_PX * OVERSAMPLE
        self._pitch = PITCH + rng.normal(0, 0.006)
        self._yaw = rng.normal(0, 0.008)
        self._roll = rng.normal(0, 0.004)

    def project(self, points: Points) -> Points:
        """Pixels (K, 2) of points (K, 3); those behind are put far outside."""
        rel = np.asarray(points, float) - CAMERA_M
        c, s = math.cos(self._yaw), math.sin(self._yaw)
        x, y = c * rel[:, 0] - s * rel[:, 1], s * rel[:, 0] + c * rel[:, 1]
        c, s = math.cos(self._pitch), math.sin(self._pitch)
        depth, up = c * y - s * rel[:, 2], s * y + c * rel[:, 2]
        depth = np.maximum(depth, 0.3)
        u, v = FOCAL * x / depth, -FOCAL * up / depth
        c, s = math.cos(self._roll), math.sin(self._roll)
        return self.n * np.stack([0.5 + c * u - s * v, 0.42 + s * u + c * v], 1)


def road_frame(lane: int, along: float) -> tuple[Points, float]:
    """Place (x, y, 0) and heading of a vehicle `along` metres down a lane."""
    d = np.array([math.cos(ROAD_ANGLE), math.sin(ROAD_ANGLE), 0.0])
    place = np.array([0.0, LANES_M[lane], 0.0]) + along * d
    return place, ROAD_ANGLE + (math.pi if lane else 0.0)


def to_world(points: Points, place: Points, heading: float) -> Points:
    """Turn a vehicle's own coordinates to the scene's."""
    c, s = math.cos(heading), math.sin(heading)
    turned = np.stack(
        [c * points[:, 0] - s * points[:, 1], s * points[:, 0] + c * points[:, 1]], 1
    )
    return np.column_stack([turned, points[:, 2]]) + place


def texture(seed: int, n: int) -> Image:
    """Smooth and fine noise around 1, the same for every frame."""
    rng = np.random.default_rng(seed)
    out = np.ones((n, n), np.float32)
    for cells, share in ((8, 0.05), (40, 0.05), (n, 0.06)):
        field = rng.normal(0, share, (cells, cells)).astype(np.float32)
        out += cv2.resize(field, (n, n), interpolation=cv2.INTER_CUBIC)
    return out


def draw_ground(camera: Camera) -> Image:
    """Albedo of all that stands still, float RGB; sky is left NaN-free at -1."""
    n = camera.n
    image = np.full((n, n, 3), -1.0, np.float32)

    def flat(corners: list[tuple[float, float]], colour: tuple[float, ...]) -> None:
        points = np.array([(x, y, 0.0) for x, y in corners])
        draw_polygon(image, camera.project(points), colour)

    def strip(near: float, far: float, colour: tuple[float, ...], a=-60.0, b=60.0):  # type: ignore[no-untyped-def]
        t = math.tan(ROAD_ANGLE)
        flat(
            [(a, near + a * t), (b, near + b * t), (b, far + b * t), (a, far + a * t)],
            colour,
        )

    flat([(-300, 8), (300, 8), (300, 400), (-300, 400)], (104, 116, 84))
    flat([(-80, 2), (80, 2), (80, 11), (-80, 11)], (112, 122, 88))
    strip(27.0, 46.0, (128, 126, 122))  # the yard
    for x in range(-24, 40, 6):  # the warehouse with its docks
        place = np.array([x, 46.0, 0.0])
        wall = np.array([[0, 0, 0], [6, 0, 0], [6, 0, 8.5], [0, 0, 8.5]], float) + place
        draw_polygon(image, camera.project(wall), (168, 172, 174))
        door = np.array(
            [[1.4, -0.1, 1], [4.6, -0.1, 1], [4.6, -0.1, 4.6], [1.4, -0.1, 4.6]]
        )
        draw_polygon(image, camera.project(door + place), (92, 98, 112))
    band = np.array(
        [[-24, 45.9, 7.4], [42, 45.9, 7.4], [42, 45.9, 8.5], [-24, 45.9, 8.5]]
    )
    draw_polygon(image, camera.project(band), (52, 84, 138))
    rng = np.random.default_rng(5)
    for x in np.linspace(-70, -26, 26):  # trees beside it
        centre = camera.project(
            np.array([[x, 60 + rng.uniform(-8, 8), rng.uniform(2, 5)]])
        )
        r = int(rng.uniform(9, 20) * n / 670)
        shade = rng.uniform(0.7, 1.1)
        cv2.circle(
            image,
            tuple(np.int32(centre[0])),
            r,
            (58 * shade, 80 * shade, 46 * shade),
            -1,
        )
    strip(13.2, 13.5, (150, 148, 144))
    strip(13.5, 23.0, (92, 93, 96))
    strip(23.0, 23.3, (150, 148, 144))
    strip(13.9, 14.05, (205, 205, 200))
    strip(22.5, 22.65, (205, 205, 200))
    for a in range(-40, 50, 5):
        strip(18.15, 18.32, (205, 205, 200), a, a + 2.2)
    for x in np.arange(-30, 40, 2.5):  # a fence behind the road
        y = 25.0 + x * math.tan(ROAD_ANGLE)
        post = np.array([[x, y, 0], [x + 0.08, y, 0], [x + 0.08, y, 1.9], [x, y, 1.9]])
        draw_polygon(image, camera.project(post), (80, 84, 86))
    is_sky = image[..., :1] < 0
    lit = image * texture(3, n)[..., None]
    return np.where(is_sky, np.float32(-1), lit)


BOOTH = [
    Prism(
        rect(0, 2.2, 0, 2.7),
        (-1.0, 1.0),
        (188, 180, 150),
        decals=[(rect(0.4, 1.8, 1.2, 2.2), (40, 52, 60))],
    )
]
BOOTH_PLACE = np.array([6.4, 23.9, 0.0])


def shade(light: Light, normal: Points, colour: object) -> Points:
    """Lambert's law."""
    fall = max(0.0, float(normal @ light.sun))
    return np.asarray(colour, float) * (light.ambient + light.direct * fall)


def draw_prism(
    image: Image,
    camera: Camera,
    light: Light,
    prism: Prism,
    place: Points,
    heading: float,
) -> None:
    """Paint a prism's visible faces."""
    near, far = (to_world(end, place, heading) for end in prism.corners())
    centre = (near.mean(0) + far.mean(0)) / 2
    faces = [near, far]
    k = len(near)
    for i in range(k):
        j = (i + 1) % k
        faces.append(np.stack([near[i], near[j], far[j], far[i]]))
    for number, face in enumerate(faces):
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        length = np.linalg.norm(normal)
        if length < 1e-9:
            continue
        normal /= length
        middle = face.mean(0)
        if normal @ (middle - centre) < 0:
            normal = -normal
        if normal @ (CAMERA_M - middle) <= 0:
            continue
        draw_polygon(
            image, camera.project(face), tuple(shade(light, normal, prism.colour))
        )
        if number < 2 and not prism.is_along:
            y = prism.span[number]
            for outline, colour in prism.decals:
                points = np.stack(
                    [outline[:, 0], np.full(len(outline), y), outline[:, 1]], 1
                )
                points = to_world(points, place, heading)
                draw_polygon(
                    image, camera.project(points), tuple(shade(light, normal, colour))
                )


def draw_shadow(
    mask: Image,
    camera: Camera,
    light: Light,
    prisms: list[Prism],
    place: Points,
    heading: float,
) -> None:
    """Darken the ground: by the sun where it shines, and under the body always."""
    for prism in prisms:
        ends = np.vstack([to_world(end, place, heading) for end in prism.corners()])
        floor = ends.copy()
        floor[:, 2] = 0
        hull = cv2.convexHull(camera.project(floor).astype(np.float32))[:, 0]
        draw_polygon(mask, hull.astype(float), 0.55)
        if light.direct.sum() > 0.1 and light.sun[2] > 0.08:
            cast = ends - light.sun * (ends[:, 2:] / light.sun[2])
            both = camera.project(np.vstack([cast, floor])).astype(np.float32)
            draw_polygon(mask, cv2.convexHull(both)[:, 0].astype(float), 0.42)


def vehicle_box(
    camera: Camera, vehicle: Vehicle, place: Points, heading: float
) -> Points:
    """Bounding box x1 y1 x2 y2 in pixels of the finished picture, not clipped."""
    points = [end for prism in vehicle.prisms for end in prism.corners()]
    pixels = camera.project(to_world(np.vstack(points), place, heading)) / OVERSAMPLE
    return np.concatenate([pixels.min(0), pixels.max(0)])


def draw_vehicle(
    image: Image,
    camera: Camera,
    light: Light,
    vehicle: Vehicle,
    place: Points,
    heading: float,
) -> None:
    """Paint a vehicle: wheels, then prisms from far to near."""
    side = 1 if math.cos(heading) < 0 else -1  # the side that faces the camera
    for x, radius in vehicle.wheels:
        angles = np.linspace(0, 2 * np.pi, 14)
        for r, colour in ((radius, (26, 26, 28)), (0.5 * radius, (118, 118, 120))):
            ring = np.stack(
                [
                    x + r * np.cos(angles),
                    np.full(14, side * vehicle.width / 2),
                    radius + r * np.sin(angles),
                ],
                1,
            )
            pixels = camera.project(to_world(ring, place, heading))
            draw_polygon(
                image,
                pixels,
                tuple(np.array(colour) * (light.ambient + 0.4 * light.direct)),
            )

    def distance(prism: Prism) -> float:
        middle = np.vstack(prism.corners()).mean(0)[None]
        return float(np.linalg.norm(to_world(middle, place, heading)[0] - CAMERA_M))

    low = [p for p in vehicle.prisms if np.vstack(p.corners())[:, 2].max() <= 1.2]
    high = [p for p in vehicle.prisms if np.vstack(p.corners())[:, 2].max() > 1.2]
    for prism in [
        *sorted(low, key=distance, reverse=True),
        *sorted(high, key=distance, reverse=True),
    ]:
        draw_prism(image, camera, light, prism, place, heading)


def lamps_of(
    vehicle: Vehicle, camera: Camera, place: Points, heading: float
) -> list[tuple[Points, bool]]:
    """Pixels of head (True) and tail lamps that face the camera."""
    out = []
    for is_head, x in ((True, vehicle.length), (False, 0.0)):
        nose = to_world(
            np.array([[x, 0, 0.8], [x + (1 if is_head else -1), 0, 0.8]]),
            place,
            heading,
        )
        if (nose[1] - nose[0]) @ (CAMERA_M - nose[0]) <= 0:
            continue
        ends = np.array([[x, y * (vehicle.width / 2 - 0.25), 0.8] for y in (-1, 1)])
        out += [(p, is_head) for p in camera.project(to_world(ends, place, heading))]
    return out
