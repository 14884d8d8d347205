"""A folder of stills with times in their names to samples."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2

from truckcount.domain.camera import Camera
from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.segment import SegmentReport
from truckcount.domain.ticks import TickSampler
from truckcount.errors import ClockError
from truckcount.video.access import MAX_PIXELS
from truckcount.video.cut import cut_view
from truckcount.video.decoder import not_finished
from truckcount.video.health import PictureHealth
from truckcount.video.recorder_names import read_name_time
from truckcount.video.sources import Source, absolute_name, list_stills
from truckcount.video.still_size import check_still

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StillsDecoder:
    """Reads pictures in the order of the times in their names.

    Names give times relative to the first, which is placed at ``start_us``: an
    option or a shifted clock moves them all.
    """

    def __init__(
        self,
        source: Source,
        views: Sequence[ViewRect],
        *,
        start_us: int,
        sample_fps: float,
        camera: Camera | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._source = source
        self._views = list(views)
        self._start_us = start_us
        self._sample_fps = sample_fps
        self._camera = camera
        self._max_pixels = max_pixels
        self._report: SegmentReport | None = None

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        if self._report is None:
            raise not_finished(self._source)
        return self._report

    def __iter__(self) -> Iterator[Sample]:
        """Yield one sample a picture, at most one a tick."""
        began, outside = time.process_time(), 0.0
        stills = timed_stills(Path(self._source.path), self._camera)
        if not stills:
            msg = (
                f"{self._source.name}: no picture has a time in its name, as "
                "yard_20260302T080000Z.jpg has; rename them, or give the camera "
                "`name_patterns` in cameras.toml"
            )
            raise ClockError(msg)
        n_untimed = len(list_stills(Path(self._source.path))) - len(stills)
        sampler, health = TickSampler(self._sample_fps), PictureHealth()
        first = stills[0][0]
        n_read = n_samples = n_bad = last_us = 0
        size = (0, 0)
        for moment, path in stills:
            elapsed = (moment - first) // timedelta(microseconds=1)
            t_us = self._start_us + elapsed
            if sampler.take(t_us) is None:
                continue
            check_still(self._source, path, self._max_pixels)
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                n_bad += 1
                continue
            n_read += 1
            n_samples += 1
            last_us = elapsed
            size = (image.shape[1], image.shape[0])
            views = tuple(cut_view(image, rect) for rect in self._views)
            sample = Sample(
                tick=sampler.tick_of(t_us),
                t_us=t_us,
                pts_us=elapsed,
                views=views,
                quality_flags=health.process(t_us, views[0]),
            )
            paused = time.process_time()
            yield sample
            outside += time.process_time() - paused
        interval_us = last_us // max(n_samples - 1, 1) or 1_000_000
        self._report = SegmentReport(
            duration_s=(last_us + interval_us) / 1e6,
            n_frames_decoded=n_read,
            n_samples=n_samples,
            n_bad_packets=n_bad,
            width=size[0],
            height=size[1],
            codec="stills",
            fps_nominal=None,
            is_vfr=True,
            is_truncated=False,
            start_us=self._start_us,
            end_us=self._start_us + last_us + interval_us,
            seconds_decode=time.process_time() - began - outside,
            warnings=_untimed_warnings(n_untimed, n_untimed + len(stills)),
        )


def _untimed_warnings(n_untimed: int, n: int) -> tuple[str, ...]:
    if not n_untimed:
        return ()
    return (f"{n_untimed} of {n} pictures left out: their names hold no time",)


def timed_stills(
    folder: Path, camera: Camera | None = None
) -> list[tuple[datetime, Path]]:
    """Return (UTC, path) of pictures whose names hold a time, in time order."""
    zone = ZoneInfo("UTC" if camera is None else camera.timezone)
    patterns = () if camera is None else camera.name_patterns
    found = []
    for path in list_stills(folder):
        parts = Path(absolute_name(str(path))).parts
        named = read_name_time("/".join(parts[-8:]), patterns)
        if named is not None:
            moment = named.moment
            # to UTC, because times of one zone are subtracted without its changes
            moment = moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)
            found.append((moment, path))
    return sorted(found)
