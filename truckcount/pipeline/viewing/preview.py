"""A camera's gates over a frame, and a first cameras.toml for a clip."""

import glob
import json
from pathlib import Path

import cv2

from truckcount.domain.camera import Camera
from truckcount.pipeline.cameras import check_zone
from truckcount.pipeline.viewing.clip_output import (
    PICTURE_ENDINGS,
    check_output,
    find_clip,
)
from truckcount.pipeline.viewing.drawing import draw_gate
from truckcount.presence.views import TILE_ASPECT
from truckcount.video import absolute_name, probe_video, split_camera_name
from truckcount.video.frames import read_frame_at
from truckcount.video.mosaic import UNKNOWN_FRACTION, make_mosaic

STARTING_WIDTH, STARTING_HEIGHT = 0.7, 0.6  # of the picture
STARTING_TAPER = 0.875  # what is farther away is smaller
STARTING_ASPECT = 0.9 * TILE_ASPECT

STARTING_TOML = """\
# Cameras and their gates; check with
#   truckcount cameras check cameras.toml --clip {file} --preview gates.png
[cameras.{camera}]
{timezone}
match = [{match}]                    # which files are this camera's

[[cameras.{camera}.gates]]
name = "main"
# corners as fractions of the picture ({width} x {height}): draw it where trucks
# are seen well and pass one by one, not at the edge of the picture, larger than
# the trucks (a smaller one counts pieces of them), and at most
# {widest} times as wide as high: a flatter one counts long trucks by their pieces
polygon = [[{x0:.2f}, 0.30], [{x1:.2f}, 0.30], [{x2:.2f}, 0.90], [{x3:.2f}, 0.90]]
# in = [0.0, 1.0]                      # movement that counts as `in`; y is downwards
# view_span = 0.65                     # where it must be smaller than a truck: look at
#                                      # two thirds of the picture, not the gate alone
"""


def starting_toml(clip: str, timezone: str | None) -> str:
    """Return a commented cameras.toml for a clip's camera.

    Raises
    ------
    ConfigError
        When the zone is none.
    """
    zone = '# timezone = "America/Chicago"  # IANA name of the clock in file names'
    if timezone is not None:
        check_zone(timezone, "--timezone")
        zone = f'timezone = "{timezone}"  # IANA name of the clock in file names'
    source = find_clip(clip)
    probe = probe_video(source)
    camera = split_camera_name(absolute_name(source.path))
    path = Path(source.path)
    has_stamp = path.stem.lower().startswith(camera) and path.stem.lower() != camera
    match = f"{path.stem[: len(camera)]}*{path.suffix}" if has_stamp else path.name
    if not has_stamp:  # its brackets are no pattern
        match = glob.escape(match)
    return STARTING_TOML.format(
        camera=camera,
        timezone=zone,
        match=json.dumps(match, ensure_ascii=False),  # as TOML spells text, too
        file=" ".join(path.name.split()),  # a comment is one line
        width=probe.width,
        height=probe.height,
        widest=TILE_ASPECT,
        **_starting_corners(probe.width / probe.height),
    )


def _starting_corners(aspect: float) -> dict[str, float]:
    """Return the x of a gate in the middle that no picture is too wide for."""
    half = min(STARTING_WIDTH, STARTING_ASPECT * STARTING_HEIGHT / aspect) / 2
    upper = half * STARTING_TAPER
    return {
        "x0": 0.5 - upper, "x1": 0.5 + upper, "x2": 0.5 + half, "x3": 0.5 - half,
    }  # fmt: skip


def picture_size(clip: str) -> tuple[int, int]:
    """Return the displayed width and height of a clip, pixels."""
    probe = probe_video(find_clip(clip))
    return probe.width, probe.height


def draw_preview(
    camera: Camera, clip: str, at_s: float, output: Path, *, is_blurred: bool = False
) -> None:
    """Write a PNG of a camera's gates over a frame of a clip, or over its mosaic."""
    source = find_clip(clip)
    check_output(output, source, PICTURE_ENDINGS)
    image = read_frame_at(source, at_s)
    if is_blurred:
        image = make_mosaic(image, UNKNOWN_FRACTION)
    for gate in camera.gates:
        draw_gate(image, gate)
    output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(output), image[:, :, ::-1])
