"""A camera to what nobody told of it, so that its counts look right and are not."""

from truckcount.domain.camera import Camera


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


def is_of_camera(warning: str, camera: str) -> bool:
    """Tell a warning of a whole camera, to be said once, from one of a file."""
    return warning.startswith(_begin(camera))


def _begin(camera: str) -> str:
    return f"camera {camera!r} "
