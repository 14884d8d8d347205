"""Cameras and gates: where in which picture trucks are counted."""

import math
import re
from dataclasses import dataclass, field

from truckcount.errors import ConfigError

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MIN_GATE_AREA_FRACTION = 0.0004  # of the picture: a 20 x 20 px spot of 1280 x 720

Point = tuple[float, float]


def check_name(kind: str, name: str) -> None:
    """Raise ``ConfigError`` unless a camera or gate name is safe as a folder name.

    pyarrow drops folders that begin with ``_`` or ``.`` without a word, so a
    camera of such a name would vanish from the store.
    """
    if not NAME_PATTERN.fullmatch(name):
        msg = (
            f"{kind} name {name!r} is not allowed: use 1-63 lower-case letters, "
            "digits and '-', beginning with a letter or digit"
        )
        raise ConfigError(msg)


def _signed_area(polygon: tuple[Point, ...]) -> float:
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return 0.5 * sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)


def _is_self_crossing(polygon: tuple[Point, ...]) -> bool:
    edges = list(zip(polygon, polygon[1:] + polygon[:1], strict=True))
    n = len(edges)
    return any(
        _do_cross(*edges[i], *edges[j])
        for i in range(n)
        for j in range(i + 2, n)
        if not (i == 0 and j == n - 1)  # neighbours share a corner
    )


def _do_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A polygon of the picture through which passages are counted."""

    name: str
    polygon: tuple[Point, ...]
    """Corners as fractions of the displayed width and height."""
    in_vector: Point | None = None
    """Movement that counts as ``in``; None makes the gate non-directional."""
    lanes: int | None = None
    thresholds: tuple[tuple[str, float], ...] = ()
    """Overrides of the counting options, as sorted (name, value) pairs."""
    active_from_us: int | None = None
    """Begin of its validity, microseconds since 1970-01-01 UTC: from here on every
    hour has a row, watched or not."""
    active_to_us: int | None = None
    dwell: tuple[float, float] | None = None
    """Mean seconds a truck is in view, and the relative error of that mean; what
    stills need to be turned into trucks an hour."""
    view_span: float = 0.0
    """Share of the picture's width and height that the gate's view shows at least: for
    a gate smaller than its trucks, which would be seen in pieces."""

    def __post_init__(self) -> None:
        check_name("gate", self.name)
        if not 0.0 <= self.view_span <= 1.0:
            msg = (
                f"gate {self.name!r}: view_span is a share of the picture, from 0 to "
                f"1, got {self.view_span}"
            )
            raise ConfigError(msg)
        if len(self.polygon) < 3:
            msg = f"gate {self.name!r}: a polygon needs 3 corners, got {self.polygon}"
            raise ConfigError(msg)
        for x, y in self.polygon:
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                msg = (
                    f"gate {self.name!r}: corner ({x}, {y}) lies outside the picture; "
                    "corners are fractions from 0 to 1"
                )
                raise ConfigError(msg)
        if _is_self_crossing(self.polygon):
            msg = f"gate {self.name!r}: the polygon crosses itself; reorder its corners"
            raise ConfigError(msg)
        if abs(_signed_area(self.polygon)) < MIN_GATE_AREA_FRACTION:
            msg = (
                f"gate {self.name!r}: the polygon covers "
                f"{abs(_signed_area(self.polygon)):.6f} of the picture, too small to "
                f"watch (least {MIN_GATE_AREA_FRACTION})"
            )
            raise ConfigError(msg)
        if self.dwell is not None and not (self.dwell[0] > 0 <= self.dwell[1]):
            msg = (
                f"gate {self.name!r}: want dwell_mean_s > 0 and dwell_cv >= 0, got "
                f"{self.dwell}"
            )
            raise ConfigError(msg)
        validity = (self.active_from_us, self.active_to_us)
        if None not in validity and validity[0] >= validity[1]:  # type: ignore[operator]
            msg = f"gate {self.name!r}: active_to must be later than active_from"
            raise ConfigError(msg)
        if self.in_vector is not None:
            length = math.hypot(*self.in_vector)
            if length == 0.0 or not math.isfinite(length):
                msg = (
                    f"gate {self.name!r}: `in` must not be the zero vector and needs "
                    f"finite numbers, got {self.in_vector}"
                )
                raise ConfigError(msg)

    @property
    def is_directional(self) -> bool:
        """Whether passages of this gate are told apart as in, out and unknown."""
        return self.in_vector is not None

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction rows an hour of this gate has, always all of them."""
        return ("in", "out", "unknown") if self.is_directional else ("any",)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounding box (x0, y0, x1, y1) as fractions of the picture."""
        xs = [x for x, _ in self.polygon]
        ys = [y for _, y in self.polygon]
        return min(xs), min(ys), max(xs), max(ys)


WHOLE_PICTURE = Gate(
    name="frame", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One fixed viewpoint with a name, a time zone and gates."""

    name: str
    timezone: str = "UTC"
    is_listed: bool = True
    """False where a file of cameras was given and does not have this one."""
    is_zone_assumed: bool = False
    """Nobody told the zone: UTC stands in for it."""
    gates: tuple[Gate, ...] = (WHOLE_PICTURE,)
    match: tuple[str, ...] = ()
    """Glob patterns of the files that are this camera's."""
    clock: str = "auto"
    """``auto`` or the one start-time source to use (design section 4)."""
    clock_shift_s: float = 0.0
    clock_checked_us: int | None = None
    """When somebody last looked how far the recorder's clock is off."""
    creation_time_is: str = "start"
    """What the container's creation time stamps: ``start`` or ``end``."""
    name_patterns: tuple[str, ...] = field(default=())
    """Further file-name patterns: regular expressions with named groups."""
    source_kind: str = "video"

    def __post_init__(self) -> None:
        check_name("camera", self.name)
        if not self.gates:
            msg = f"camera {self.name!r} has no gate"
            raise ConfigError(msg)
        names = [gate.name for gate in self.gates]
        if len(set(names)) != len(names):
            msg = f"camera {self.name!r}: two gates share a name: {names}"
            raise ConfigError(msg)
