"""What several commands ask of an option's value."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

EMPTY_PATH = "an empty path (an unset variable?); write . for the working folder"


def refuse_given(names: tuple[str, ...], why: str) -> None:
    """Refuse options that were given and would do nothing."""
    given = click.get_current_context().get_parameter_source
    for name in names:
        if given(name) is not click.core.ParameterSource.DEFAULT:
            msg = f"--{name.replace('_', '-')} {why}"
            raise click.UsageError(msg)


def once(
    name: str,
    *,
    more: str = "",
    then: Callable[[click.Context, click.Parameter, Any], Any] | None = None,
    **options: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return an option that means one thing: given twice, click takes the last.

    Parameters
    ----------
    more : str
        Advice for who gives several.
    then : callable, optional
        Callback of the one value.
    """

    def check(ctx: click.Context, param: click.Parameter, values: Any) -> Any:
        if len(values) > 1:
            msg = f"given {len(values)} times: give one{more}"
            raise click.BadParameter(msg)
        value = values[0] if values else None
        return value if then is None else then(ctx, param, value)

    return click.option(name, multiple=True, callback=check, **options)


cameras_option = once(
    "--cameras", type=click.Path(path_type=Path), help="Gates and zones."
)

gate_option = once(
    "--gate",
    more="; several gates are written into cameras.toml",
    help='One polygon, "x,y x,y x,y ...", in fractions.',
)


def given_paths(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse an empty path, as of an unset variable: it is the working folder."""
    if "" in values:
        raise click.BadParameter(EMPTY_PATH)
    return values


def store_place(_ctx: click.Context, _param: click.Parameter, value: str) -> str | Path:
    """Take a store: a folder, or a URL such as ``s3://bucket/store``, as text."""
    if not value:
        raise click.BadParameter(EMPTY_PATH)
    return value if "://" in value else Path(value)


blur_option = click.option(
    "--blur-people",
    "is_blurred",
    is_flag=True,
    help="Make a mosaic of the picture: trucks are told, nobody is known.",
)

segment_option = click.option(
    "--segment-minutes",
    type=click.FloatRange(0.05, 60),
    default=5.0,
    show_default=True,
    help="Live cameras: publish so often.",
)

model_option = click.option(
    "--model",
    default="truckmap",
    show_default=True,
    help="truckmap, truckmap-m, truckmap-l, or the path of weights or of a run.",
)

device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu or cuda."
)

precision_option = click.option(
    "--precision",
    default="f32",
    show_default=True,
    help="f32; bf16: on newer CPUs half the time, counts may differ a little.",
)

sample_fps_option = click.option(
    "--sample-fps",
    type=float,
    default=5.0,
    show_default=True,
    help="Frames looked at a second; with fewer than 5, trucks are lost.",
)

_RUN_OPTIONS = (
    cameras_option,
    once("--camera", help="Take every file as this camera's."),
    gate_option,
    click.option(
        "--store",
        callback=store_place,
        default="store",
        show_default=True,
        help="Folder, or a URL: counted in a local copy, then pushed.",
    ),
    model_option,
    device_option,
    precision_option,
    sample_fps_option,
    click.option(
        "--bins",
        type=int,
        default=60,
        show_default=True,
        help="Minutes of the rows written: 5, 15 and 30 beside the hours.",
    ),
    click.option(
        "--jobs",
        type=int,
        default=1,
        show_default=True,
        help="Files at a time, of any cameras: a process of 130 MB each, up to one a "
        "core; on a GPU threads of one.",
    ),
    click.option("--dask", help="Score on the cluster of this scheduler's address."),
    click.option(
        "--speed",
        default="exact",
        show_default=True,
        help="exact; fast: a view that stands still keeps its score; fastest: what a "
        "calibration of each camera allows.",
    ),
    click.option(
        "--backend", default="av", show_default=True, help="av, opencv, nvdec."
    ),
    click.option(
        "--max-pixels",
        type=int,
        default=8192 * 8192,
        show_default=True,
        help="Refuse larger pictures.",
    ),
    click.option(
        "--strict-time",
        "is_strict_time",
        is_flag=True,
        help="Refuse guessed start times.",
    ),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of ``RunOptions`` that every run has."""
    for option in reversed(_RUN_OPTIONS):
        command = option(command)
    return command


def check_moment(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse a time that does not say which moment it is."""
    check_iso_time(ctx, param, value)
    if value is not None and datetime.fromisoformat(value).utcoffset() is None:
        moment = datetime.fromisoformat(value)  # a date alone takes no zone
        has_seconds = moment.second or moment.microsecond
        told = moment.isoformat(timespec="auto" if has_seconds else "minutes")
        msg = f"{value!r} has no zone: write {told}Z for UTC, or {told}-06:00"
        raise click.BadParameter(msg)
    return value


def check_iso_time(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | None:
    """Refuse what is no ISO-8601 time before any file is opened for it."""
    if value is not None:
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            msg = f"{value!r} is no ISO-8601 time like 2026-03-02T08:00:00-06:00"
            raise click.BadParameter(msg) from error
    return value


def in_utc(text: str | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def check_order(from_utc: str | None, to_utc: str | None) -> None:
    """Refuse a window that holds no time: it would look as if nothing were there."""
    low, high = in_utc(from_utc), in_utc(to_utc)
    if low is not None and high is not None and low >= high:
        msg = (
            f"{to_utc!r} is not after --from {from_utc!r}; --to is left out, a single "
            "day ends with the next one"
        )
        raise click.BadParameter(msg, param_hint="--to")


def check_camera(store: str | Path, camera: str) -> None:
    """Refuse a camera that the store does not have, naming those that it has."""
    import difflib

    from truckcount.features.files import StoreFiles

    there = StoreFiles.open(store).cameras("hours")
    if camera in there:
        return
    near = difflib.get_close_matches(camera, there, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    names = ", ".join(there) if there else "none yet"
    msg = f"no camera {camera!r} in {store}; it has: {names}{hint}"
    raise click.BadParameter(msg, param_hint="--camera")


def explain_none(store: str | Path, camera: str | None, as_of: str | None) -> str:
    """Say where the hours are, to whom none was found for."""
    from truckcount.features.files import StoreFiles

    files = StoreFiles.open(store)
    cameras = files.cameras("hours") if camera is None else [camera]
    months = sorted({m for name in cameras for m in files.periods("hours", name)})
    if not months:
        return f"{store} has no hours yet; count something with `truckcount run`"
    span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
    known = "" if as_of is None else f"; none that was asked for was known at {as_of}"
    return f"the hours of {camera or 'the store'} lie in {span} (UTC){known}"
