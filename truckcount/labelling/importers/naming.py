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


# folders that say what a picture is for, not where it is from
LAYOUT_FOLDERS = frozenset(
    ["images", "labels", "train", "val", "valid", "validation", "test"]
)


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
        Zone of naive times in names, whose moments are not known without it, and
        of days; without it a day is as the name tells it.
    recording : str
        Tells the recording that frames are from: videos of one name are not one.
    """

    def __init__(
        self,
        source: Path,
        *,
        camera: str | None = None,
        group_pattern: str | None = None,
        timezone: str | None = None,
        recording: str = "",
    ) -> None:
        self._source = source
        self._camera = camera
        self._recording = recording
        self.n_alone = 0
        """Pictures of which nothing tells what they belong to."""
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

    def read(self, found: FoundPicture, image: str) -> Place:
        """Read one picture's place.

        A group is what `group_pattern` says, of the camera that was given; else the
        camera's day where the name tells a time, else the recording, else the
        picture alone, by its bytes, so that pictures of one name are not one.
        Copies that Roboflow made of one picture (`.rf.` in their names) stay
        together, whatever part they were put in.

        Parameters
        ----------
        image : str
            Its name within the set, which no other picture has.

        Raises
        ------
        ValueError
            When the group pattern does not match.
        """
        known = read_name_time(found.name)
        moment = None if known is None else known.moment
        if moment is not None and found.t_s is not None:
            moment += timedelta(seconds=found.t_s)
        if moment is not None and self._zone is not None:
            is_naive = moment.tzinfo is None
            moment = (
                moment.replace(tzinfo=self._zone)
                if is_naive
                # a name may tell UTC, as those of `label sample`; days are local
                else moment.astimezone(self._zone)
            )
        named = (
            split_camera_name(found.name) if known is not None else self._source.stem
        )
        camera = self._camera if self._camera is not None else named
        day = "" if moment is None else moment.date().isoformat()
        is_instant = moment is not None and moment.tzinfo is not None
        return Place(
            camera=camera,
            group=self._group_of(found, image, camera, day),
            day=day,
            t_utc=moment.astimezone(UTC) if is_instant and moment else None,
        )

    def _group_of(self, found: FoundPicture, image: str, camera: str, day: str) -> str:
        if self._pattern is not None:
            match = self._pattern.search(found.name)
            if match is None:
                msg = f"--group-pattern does not match {found.name!r}"
                raise ValueError(msg)
            group = match[1] if self._pattern.groups and match[1] else match[0]
            return group if self._camera is None else f"{self._camera}/{group}"
        if day:
            return f"{camera}/{day}"
        name = Path(found.name)
        if found.is_of_recording:
            return f"{camera}/{name.stem.rsplit('_frame_', 1)[0]}{self._recording}"
        if ".rf." in name.stem:
            folders = [p for p in name.parts[:-1] if p.lower() not in LAYOUT_FOLDERS]
            return "/".join([camera, *folders, name.stem.split(".rf.", 1)[0]])
        self.n_alone += 1
        return f"{camera}/{Path(image).stem}"
