"""`truckcount cameras`: gates, written and checked."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from truckcount.cli._console import give, give_json, say
from truckcount.cli._options import blur_option

# that look like a zone in winter, or like the other sign
FIXED_ZONE = re.compile(r"[EMH]ST|Etc/GMT[+-][1-9]\d?")


@click.group()
def cameras() -> None:
    """Make and check cameras.toml.

    \b
    Example:
      truckcount cameras new video.mp4 -o cameras.toml
      truckcount cameras check cameras.toml
    """


@cameras.command("new")
@click.argument("clip")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; without, it is printed.",
)
@click.option("--timezone", help="IANA zone; to be written in where none is given.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def new(clip: str, output: Path | None, timezone: str | None, force: bool) -> int:
    """Write a starting cameras.toml for the camera of CLIP.

    \b
    Example:
      truckcount cameras new video.mp4 --timezone America/Chicago -o cameras.toml
    """
    from truckcount.pipeline.viewing.preview import starting_toml

    text = starting_toml(clip, timezone)
    if output is None:
        give(text)
        return 0
    if output.exists() and not force:
        say(f"truckcount: {output} exists; give --force to replace it")
        return 2
    output.write_text(text, encoding="utf-8")
    what = "polygon" if timezone is not None else "polygon and its timezone"
    say(f"{output} written; edit its {what}, then `truckcount cameras check {output}`")
    return 0


@cameras.command("check")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--clip", help="Draw on a frame of this clip.")
@click.option("--at", "at_s", type=float, default=0.0, help="Second of the frame.")
@click.option("--preview", type=click.Path(path_type=Path), help="PNG to write.")
@blur_option
@click.option("--json", "as_json", is_flag=True, help="Print what was read.")
def check(
    config: Path,
    clip: str | None,
    at_s: float,
    preview: Path | None,
    is_blurred: bool,
    as_json: bool,
) -> int:
    """Check CONFIG and, with --preview, draw its gates over a frame.

    Tells gates so flat that trucks longer than a part of them are counted more than
    once. What is flat depends on the picture: --clip gives the size of its camera's,
    others are taken as 16:9.

    \b
    Example:
      truckcount cameras check cameras.toml --clip video.mp4
      truckcount cameras check cameras.toml --clip video.mp4 --preview gates.png
    """
    from truckcount.pipeline.cameras import load_cameras
    from truckcount.pipeline.viewing.flat_gates import USUAL_SIZE, find_flat_gates

    book = load_cameras(config)
    if preview is not None and clip is None:
        msg = "--preview needs --clip: which video to draw on"
        raise click.UsageError(msg)
    sizes = {}
    if clip is not None:
        from truckcount.pipeline.viewing.preview import draw_preview, picture_size

        camera = book.camera_for(clip)
        if camera not in book.cameras:
            names = ", ".join(c.name for c in book.cameras)
            msg = f"{clip} matches no camera of {config} ({names}); see `match`"
            raise click.UsageError(msg)
        sizes[camera.name] = picture_size(clip)
        if preview is not None:
            draw_preview(camera, clip, at_s, preview, is_blurred=is_blurred)
            say(f"{preview} written")
    flat = {
        (one.camera, one.gate): one
        for c in book.cameras
        for one in find_flat_gates(c, sizes.get(c.name, USUAL_SIZE))
    }
    for one in flat.values():
        assumed = "" if one.camera in sizes else " (in a 16:9 picture; --clip tells)"
        say(f"truckcount: {one.explain()}{assumed}")
    if as_json:
        give_json(
            [
                {
                    "camera": c.name,
                    "timezone": c.timezone,
                    "match": c.match,
                    "gates": [
                        {
                            "name": g.name,
                            "polygon": g.polygon,
                            "in": g.in_vector,
                            "n_tiles": flat[c.name, g.name].n_tiles
                            if (c.name, g.name) in flat
                            else 1,
                        }
                        for g in c.gates
                    ],
                }
                for c in book.cameras
            ]
        )
    else:
        for camera in book.cameras:
            gates = ", ".join(
                g.name + (" (in/out)" if g.is_directional else "") for g in camera.gates
            )
            give(f"{camera.name}  {camera.timezone}  gates: {gates}")
    for camera in book.cameras:
        if FIXED_ZONE.fullmatch(camera.timezone):
            moment = datetime(2026, 7, 1, tzinfo=ZoneInfo(camera.timezone))
            say(
                f"{config}: {camera.name}: {camera.timezone} is {moment:%z} in summer "
                "and winter; a zone named by a city, as America/New_York, has both"
            )
    unzoned = [c.name for c in book.cameras if c.is_zone_assumed]
    if unzoned:
        say(
            f"{config}: no `timezone` for {', '.join(unzoned)}: local times, as in "
            'file names, will be read as UTC; write timezone = "America/Chicago" or '
            'the like ("UTC" if it is that)'
        )
    if not as_json:
        n = len(book.cameras)
        verdict = "all else well" if unzoned else "all well"
        if flat:
            verdict = f"{len(flat)} flat gate{'s' * (len(flat) != 1)}, see above"
        say(f"{config}: {n} camera{'s' * (n != 1)}, {verdict}")
    return 0
