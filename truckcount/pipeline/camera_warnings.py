"""A camera to what nobody told of it, so that its counts look right and are not."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from truckcount.domain.camera import WHOLE_PICTURE, Camera
from truckcount.pipeline.counts.timeline import Interval
from truckcount.store.read import counted_gates
from truckcount.store.zones import other_zones

_WHOLE = WHOLE_PICTURE.name


def camera_warnings(camera: Camera, time_quality: str | None) -> tuple[str, ...]:
    """Warn of a zone that was assumed, and of gates that nobody drew.

    Parameters
    ----------
    time_quality : str, optional
        Of a file's start: a zone matters where local time was read in it.
    """
    warnings = []
    if not camera.is_listed:
        warnings.append(
            f"{_begin(camera.name)}has no gates: nothing in the cameras' file fits its "
            "files, by name or by `match`; its whole picture was counted as one gate"
        )
    if time_quality == "zone" and camera.is_zone_assumed:
        warnings.append(
            f"{_begin(camera.name)}has no `timezone`: the local time of its files was "
            'read as UTC; write timezone = "America/Chicago" or the like into '
            'cameras.toml ("UTC" if it is that)'
        )
    return tuple(warnings)


def zone_warnings(store: str | Path, camera: Camera) -> tuple[str, ...]:
    """Warn of hours that were written in another zone than the camera's is now."""
    others = sorted(other_zones(Path(store), camera.name, camera.timezone))
    if not others or camera.is_zone_assumed:
        return ()
    warning = (
        f"{_begin(camera.name)}has hours with local times of {', '.join(others)}, and "
        f"its `timezone` is {camera.timezone}: `truckcount recount {store} --camera "
        f"{camera.name} --cameras cameras.toml` puts them right (options as of the "
        "run); recordings with local time in their names move by `truckcount run` of "
        "them without --new"
    )
    return (warning,)


def whole_picture_warnings(
    store: str | Path, camera: Camera, windows: Sequence[Interval]
) -> tuple[str, ...]:
    """Warn of hours in which a camera is counted whole and by gates.

    A first run knew no gate, or a later one was told none: nothing in the table says
    that a sum over gates has each truck twice.
    """
    if len(camera.gates) > 1 and any(g.name == _WHOLE for g in camera.gates):
        return ()  # somebody called one of several gates so
    others: set[str] = set()
    for low, high in windows:
        counted = counted_gates(Path(store), camera.name, low, high)
        for gates in counted.values():
            others |= gates - {_WHOLE} if _WHOLE in gates else set()
    if not others:
        return ()
    warning = (
        f"{_begin(camera.name)}has hours counted both in the whole picture (gate "
        f"{_WHOLE!r}) and by gates ({', '.join(sorted(others))}): a sum over gates has "
        "each truck twice; read one of them, or count into another --store"
    )
    return (warning,)


def is_of_camera(warning: str, camera: str) -> bool:
    """Tell a warning of a whole camera, to be said once, from one of a file."""
    return warning.startswith(_begin(camera))


def join_cameras(warned: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Say each thing once, of all its cameras.

    Parameters
    ----------
    warned : iterable of (camera, warning)

    Examples
    --------
    >>> join_cameras([("a", "camera 'a' has no x"), ("b", "camera 'b' has no x")])
    ("camera 'a' (and 1 more) has no x",)
    """
    cameras: dict[str, list[str]] = {}
    for camera, warning in dict.fromkeys(warned):
        cameras.setdefault(warning.removeprefix(_begin(camera)), []).append(camera)
    return tuple(
        _begin(names[0]) + (f"(and {len(names) - 1} more) " if names[1:] else "") + text
        for text, names in cameras.items()
    )


def _begin(camera: str) -> str:
    return f"camera {camera!r} "
