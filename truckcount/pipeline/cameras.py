"""`cameras.toml` to cameras, with errors that name the place."""

import difflib
import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from truckcount.counting import CountingOptions
from truckcount.domain.camera import WHOLE_PICTURE, Camera, Gate, Point
from truckcount.domain.credentials import mask_credentials, strip_user
from truckcount.errors import ConfigError, VideoError
from truckcount.pipeline.config import RunOptions
from truckcount.video import (
    absolute_name,
    find_sources,
    probe_video,
    split_camera_name,
)

T = TypeVar("T")

CAMERA_KEYS = frozenset(
    [
        "timezone",
        "match",
        "clock",
        "clock_shift_s",
        "clock_checked",
        "creation_time_is",
        "name_patterns",
        "source_kind",
        "display",
        "gates",
        "active_from",
        "active_to",
    ]
)
GATE_KEYS = frozenset(
    [
        "name",
        "polygon",
        "in",
        "lanes",
        "thresholds",
        "compass_out",
        "active_from",
        "active_to",
        "dwell_mean_s",
        "dwell_cv",
        "view_span",
    ]
)
WHOLE = {"name": WHOLE_PICTURE.name, "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
CLOCKS = ("auto", "sidecar", "filename", "container", "mtime")
SOURCE_KINDS = ("video", "duty", "stills")


@dataclass(frozen=True, slots=True)
class CameraBook:
    """The cameras of a run, and which files are whose."""

    cameras: tuple[Camera, ...] = ()
    forced: Camera | None = None
    """Take every file as this camera's."""
    default_gates: tuple[Gate, ...] = (WHOLE_PICTURE,)

    def camera_for(self, path: str) -> Camera:
        """Return the camera of a file: by pattern, else one named by the file.

        Raises
        ------
        ConfigError
            When two cameras match.
        """
        if self.forced is not None:
            return self.forced
        path = absolute_name(path)
        matching = [c for c in self.cameras if _is_match(path, c.match)]
        if len(matching) > 1:
            names = " and ".join(c.name for c in matching)
            msg = (
                f"{mask_credentials(path)} matches cameras {names}; make their `match` "
                "patterns disjoint"
            )
            raise ConfigError(msg)
        if matching:
            return matching[0]
        name = split_camera_name(path)
        known = [c for c in self.cameras if c.name == name and not c.match]
        if known:
            return known[0]
        unknown = _unknown_camera(name, self.default_gates)
        return replace(unknown, is_listed=not self.cameras)


def open_book(options: RunOptions, paths: Sequence[str] = ()) -> CameraBook:
    """Return the book that a run's options ask for.

    Parameters
    ----------
    paths : sequence of str
        What will be read: a ``--gate`` in pixels is measured against the first
        picture of it.
    """
    book = CameraBook()
    if options.cameras is not None:
        book = load_cameras(options.cameras)
    if options.gate is not None:
        gate = parse_gate(options.gate, lambda: _first_picture_size(paths))
        book = replace(book, default_gates=(gate,))
    if options.camera is None:
        return book
    known = [c for c in book.cameras if c.name == options.camera]
    if book.cameras and not known:
        near = _nearest(options.camera, [c.name for c in book.cameras])
        msg = f"--camera {options.camera!r} is not in {options.cameras}{near}"
        raise ConfigError(msg)
    camera = known[0] if known else _unknown_camera(options.camera, book.default_gates)
    return replace(book, forced=camera)


def load_cameras(path: Path) -> CameraBook:
    """Read and check a ``cameras.toml``.

    Raises
    ------
    ConfigError
        Naming file, key and what is wrong with it.
    """
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad's mark
    except FileNotFoundError as error:
        msg = f"{path} does not exist; write one with `truckcount cameras new CLIP`"
        raise ConfigError(msg) from error
    except OSError as error:  # a folder, or somebody else's
        msg = f"{path} cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from error
    _check_keys(spec, frozenset({"cameras"}), str(path))
    cameras = spec.get("cameras")
    if not isinstance(cameras, dict) or not cameras:
        msg = f"{path}: no camera; begin with a table [cameras.NAME]"
        raise ConfigError(msg)
    return CameraBook(
        cameras=tuple(
            _read_camera(name, body, f"{path}: cameras.{name}")
            for name, body in cameras.items()
        )
    )


def parse_gate(
    text: str, picture_size: Callable[[], tuple[int, int]] | None = None
) -> Gate:
    """Read ``--gate "x,y x,y x,y ..."`` in fractions of the picture or in pixels.

    A value above 1 makes all of them pixels.

    Parameters
    ----------
    picture_size : function to (width, height), optional
        Asked only for corners in pixels.
    """
    try:
        corners = tuple(
            (float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())
        )
    except ValueError as error:
        msg = f'--gate {text!r}: want corners like "0.1,0.4 0.6,0.4 0.6,0.9"'
        raise ConfigError(msg) from error
    if any(v > 1.0 for corner in corners for v in corner):
        if picture_size is None:
            msg = f"--gate {text!r}: pixels need a picture to be measured against"
            raise ConfigError(msg)
        width, height = picture_size()
        if any(not (0 <= x <= width and 0 <= y <= height) for x, y in corners):
            msg = f"--gate {text!r}: a corner lies outside the {width}x{height} picture"
            raise ConfigError(msg)
        corners = tuple((x / width, y / height) for x, y in corners)
    return _build("--gate", lambda: Gate(name="main", polygon=corners))


def _first_picture_size(paths: Sequence[str]) -> tuple[int, int]:
    """Return the displayed (width, height) of the first readable video."""
    for path in paths:
        try:
            sources = find_sources([path])
        except VideoError:
            continue  # the run itself says what is wrong with it
        for source in sources:
            try:
                probe = probe_video(source)
            except VideoError:
                continue
            return probe.width, probe.height
    msg = "--gate in pixels: no video could be opened to measure them against"
    raise ConfigError(msg)


def check_zone(zone: str, where: str) -> None:
    """Raise ``ConfigError`` unless a name is an IANA time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{where}: {zone!r} is no IANA zone, as America/Chicago is"
        raise ConfigError(msg) from error


def _read_camera(name: str, body: Any, where: str) -> Camera:
    if not isinstance(body, dict):
        msg = f"{where} must be a table"
        raise ConfigError(msg)
    _check_keys(body, CAMERA_KEYS, where)
    zone = _take(body, "timezone", str, where, "UTC")
    check_zone(zone, f"{where}.timezone")
    gates = _take(body, "gates", list, where, [])
    clock = _take(body, "clock", str, where, "auto")
    _check_choice(clock, CLOCKS, f"{where}.clock")
    kind = _take(body, "source_kind", str, where, "video")
    _check_choice(kind, SOURCE_KINDS, f"{where}.source_kind")
    stamped = _take(body, "creation_time_is", str, where, "start")
    _check_choice(stamped, ("start", "end"), f"{where}.creation_time_is")
    validity = _read_validity(body, where, {})
    return _build(
        where,
        lambda: Camera(
            name=name,
            timezone=zone,
            is_zone_assumed="timezone" not in body,
            gates=tuple(
                _read_gate(gate, f"{where}.gates[{i}]", validity)
                for i, gate in enumerate(gates)
            )
            or (_read_gate(WHOLE, where, validity),),
            match=_strings(body, "match", where),
            clock=clock,
            clock_shift_s=float(_take(body, "clock_shift_s", (int, float), where, 0.0)),
            clock_checked_us=_read_checked(body, where, zone),
            creation_time_is=stamped,
            name_patterns=_strings(body, "name_patterns", where),
            source_kind=kind,
        ),
    )


def _unknown_camera(name: str, gates: tuple[Gate, ...]) -> Camera:
    return Camera(name=name, gates=gates, is_zone_assumed=True)


def _read_checked(body: dict[str, Any], where: str, zone: str) -> int | None:
    """Read ``clock_checked``: a day, by the camera's zone, or a moment with its own."""
    found = _take(body, "clock_checked", date, where, None)
    if found is None:
        return None
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=ZoneInfo(zone))
    if found.tzinfo is None:
        msg = f"{where}.clock_checked: {found} has no zone; write 2026-03-01T00:00:00Z"
        raise ConfigError(msg)
    return round(found.timestamp()) * 1_000_000


def _read_validity(
    body: dict[str, Any], where: str, default: dict[str, int]
) -> dict[str, int]:
    """Read ``active_from`` and ``active_to``; a gate's own go before its camera's."""
    found = dict(default)
    for key in ("active_from", "active_to"):
        moment = _take(body, key, datetime, where, None)
        if moment is None:
            continue
        if moment.tzinfo is None:
            msg = f"{where}.{key}: {moment} has no zone; write 2026-03-01T00:00:00Z"
            raise ConfigError(msg)
        found[f"{key}_us"] = round(moment.timestamp() * 1e6)
    return found


def _read_gate(body: Any, where: str, validity: dict[str, int]) -> Gate:
    if not isinstance(body, dict):
        msg = f"{where} must be a table [[cameras.NAME.gates]]"
        raise ConfigError(msg)
    _check_keys(body, GATE_KEYS, where)
    for key in ("name", "polygon"):
        if key not in body:
            msg = f"{where}: `{key}` is missing"
            raise ConfigError(msg)
    thresholds = _take(body, "thresholds", dict, where, {})
    pairs = tuple(
        (key, float(_take(thresholds, key, (int, float), f"{where}.thresholds", 0.0)))
        for key in sorted(thresholds)
    )
    _build(f"{where}.thresholds", lambda: CountingOptions().with_overrides(pairs))
    corners = _take(body, "polygon", list, where, [])
    points = tuple(_point(c, f"{where}.polygon[{i}]") for i, c in enumerate(corners))
    dwell_s = _take(body, "dwell_mean_s", (int, float), where, None)
    dwell_cv = _take(body, "dwell_cv", (int, float), where, 0.0)
    own = _read_validity(body, where, validity)
    return _build(
        where,
        lambda: Gate(
            name=_take(body, "name", str, where, ""),
            polygon=points,
            in_vector=None if "in" not in body else _point(body["in"], f"{where}.in"),
            lanes=_take(body, "lanes", int, where, None),
            thresholds=pairs,
            dwell=None if dwell_s is None else (float(dwell_s), float(dwell_cv)),
            view_span=float(_take(body, "view_span", (int, float), where, 0.0)),
            **own,
        ),
    )


def _build(where: str, make: Callable[[], T]) -> T:
    """Make a value; an error of its own gets the place put before it."""
    try:
        return make()
    except ConfigError as error:
        if str(error).startswith(where.split(":", maxsplit=1)[0]):
            raise
        msg = f"{where}: {error}"
        raise ConfigError(msg) from error


def _point(value: Any, where: str) -> Point:
    is_pair = isinstance(value, list) and len(value) == 2
    if not is_pair or not all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in value
    ):
        msg = f"{where}: want [x, y], got {value!r}"
        raise ConfigError(msg)
    return float(value[0]), float(value[1])


def _strings(body: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _take(body, key, list, where, [])
    if not all(isinstance(v, str) for v in values):
        msg = f"{where}.{key}: want a list of strings, got {values!r}"
        raise ConfigError(msg)
    return tuple(values)


def _take(
    body: dict[str, Any],
    key: str,
    kind: type | tuple[type, ...],
    where: str,
    default: Any,
) -> Any:
    if key not in body:
        return default
    value = body[key]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = kind.__name__ if isinstance(kind, type) else "number"
        msg = f"{where}.{key}: want {names}, got {value!r}"
        raise ConfigError(msg)
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{where}.{key}: want a finite number, got {value!r}"
        raise ConfigError(msg)
    return value


def _check_keys(body: dict[str, Any], known: frozenset[str], where: str) -> None:
    for key in body:
        if key not in known:
            msg = f"{where}: unknown key {key!r}{_nearest(key, known)}"
            raise ConfigError(msg)


def _check_choice(value: str, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        msg = f"{where}: {value!r} is not one of {', '.join(choices)}"
        raise ConfigError(msg)


def _nearest(word: str, known: frozenset[str] | list[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known: {sorted(known)}"


def _is_match(path: str, patterns: tuple[str, ...]) -> bool:
    """Match globs; what they say of a URL holds whatever its password is."""
    places = [Path(path).parts, Path(strip_user(path)).parts]
    return any(_fits(parts, pattern) for parts in places for pattern in patterns)


def _fits(parts: tuple[str, ...], pattern: str) -> bool:
    """Match a glob against the name, or against as many last parts as it has."""
    if "**" in pattern:
        pattern = pattern.replace("**", "*")
        return any(fnmatch("/".join(parts[i:]), pattern) for i in range(len(parts)))
    return fnmatch("/".join(parts[-len(Path(pattern).parts) :]), pattern)
