"""Names of found pictures to camera, day, moment and group."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from truckcount.errors import LabelError
from truckcount.labelling.importers.found import FoundPicture
from truckcount.video import split_camera_name
from truckcount.video.recorder_names import read_name_time


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a picture was taken, as far as its name tells."""

    camera: str
    group: str
    day: str
    t_utc: datetime | None


class PlaceReader:
    """Reads places.

    Parameters
    ----------
    source : Path
        Names the camera where nothing else does.
    camera : str, optional
        The camera of all pictures.
    group_pattern : str, optional
        A regular expression searched in the name; its first group, or all it
        matched, is the group.
    timezone : str, optional
        Zone of naive times in names; without it the day is known, the moment not.
    """

    def __init__(
        self,
        source: Path,
        *,
        camera: str | None = None,
        group_pattern: str | None = None,
        timezone: str | None = None,
    ) -> None:
        self._source = source
        self._camera = camera
        self.is_grouped = group_pattern is not None
        try:
            self._pattern = re.compile(group_pattern) if group_pattern else None
        except re.error as error:
            msg = f"--group-pattern {group_pattern!r} is no regular expression: {error}"
            raise LabelError(msg) from error
        try:
            self._zone = None if timezone is None else ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"--timezone {timezone!r} is no IANA zone, as America/Chicago is"
            raise LabelError(msg) from error

    def read(self, found: FoundPicture) -> Place:
        """Read one picture's place.

        A group is what `group_pattern` says, else the camera's day where the name
        tells a time, else the video, else the picture alone (copies that
        Roboflow made of one picture, `.rf.` in their names, stay together).

        Raises
        ------
        ValueError
            When the group pattern does not match.
        """
        known = read_name_time(found.name)
        moment = None if known is None else known.moment
        if moment is not None and found.t_s is not None:
            moment += timedelta(seconds=found.t_s)
        if moment is not None and moment.tzinfo is None and self._zone is not None:
            moment = moment.replace(tzinfo=self._zone)
        named = (
            split_camera_name(found.name) if known is not None else self._source.stem
        )
        camera = self._camera if self._camera is not None else named
        day = "" if moment is None else moment.date().isoformat()
        is_instant = moment is not None and moment.tzinfo is not None
        return Place(
            camera=camera,
            group=self._group_of(found, camera, day),
            day=day,
            t_utc=moment.astimezone(UTC) if is_instant and moment else None,
        )

    def _group_of(self, found: FoundPicture, camera: str, day: str) -> str:
        if self._pattern is not None:
            match = self._pattern.search(found.name)
            if match is None:
                msg = f"--group-pattern does not match {found.name!r}"
                raise ValueError(msg)
            return str(match[1] if self._pattern.groups and match[1] else match[0])
        if day:
            return f"{camera}/{day}"
        name = Path(found.name)
        if found.t_s is not None:
            return f"{camera}/{name.stem.rsplit('_frame_', 1)[0]}"
        return f"{self._source.stem}/{name.stem.split('.rf.', 1)[0]}"
