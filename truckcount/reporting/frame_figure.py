"""A camera's frame to a figure of the page: what is shown, what is not, and why."""

import base64
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it decodes: a page without frames does not pay for that
    from truckcount.reporting.frames import CameraFrame

MAX_BAD_FILES = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def draw_frame(frame: "CameraFrame") -> str:
    """Return a frame as HTML that holds its picture; every name is escaped."""
    notes = "".join(f" {escape(text)}." for text in _notes(frame))
    if frame.jpeg is None:
        return f'<p class="fine">No frame to show.{notes}</p>'
    moment = EPOCH + timedelta(microseconds=frame.start_us)
    kind = "Mosaic of the first frame" if frame.is_blurred else "First frame"
    width, height = frame.size
    data = base64.b64encode(frame.jpeg).decode()
    return (
        f'<figure class="frame"><img src="data:image/jpeg;base64,{data}" '
        f'width="{width}" height="{height}" '
        f'alt="{escape(frame.camera)} with its gates"><figcaption>{kind} of '
        f"{escape(frame.name)}, {moment:%d %b %Y %H:%M:%S} UTC.{notes}</figcaption>"
        "</figure>"
    )


def _notes(frame: "CameraFrame") -> list[str]:
    newer = "" if frame.jpeg is None else "newer "
    notes = []
    if frame.n_gone == 1:
        notes.append(f"1 {newer}file is gone from where it was counted")
    elif frame.n_gone:
        notes.append(f"{frame.n_gone:,} {newer}files are gone from where they stood")
    if frame.n_live:
        notes.append(f"{frame.n_live:,} {newer}stretches were live, not recorded")
    notes += [f"Not decoded: {text}" for text in frame.bad[:MAX_BAD_FILES]]
    if frame.unknown_gates:
        names = ", ".join(frame.unknown_gates)
        notes.append(f"Not drawn, since no cameras.toml was given with it: {names}")
    if frame.jpeg is None and not notes:
        notes.append("No file was counted in these days")
    return notes
