"""Files named in the repeated autumn hour to which of the two hours they are of.

A recorder on local time writes names of that hour twice. What a file follows without
a gap tells which (features.md section 4.7); where that does not, its file time may.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from truckcount.domain.segment import StartTime
from truckcount.errors import VideoError
from truckcount.pipeline.counted_before import is_start_of
from truckcount.pipeline.counts.timeline import Interval
from truckcount.pipeline.counts.windows import join_windows
from truckcount.pipeline.scoring import ScoreTask
from truckcount.pipeline.segments import header_span, is_counted
from truckcount.store import SegmentRecord, Store
from truckcount.video import probe_video, read_source_name, resolve_start

US_PER_S = 1_000_000
SEAM_S = 2.0  # the longest rotation gap of a recorder (features.md section 13)
NEAR = timedelta(days=1)  # files so far apart never touch
NEAR_US = NEAR // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undated:
    """A file that begins at one of two moments, microseconds UTC."""

    moments: tuple[int, int]
    """In the order of time."""
    length_us: int
    slack_us: int
    """How far its begin may lie from the end of what it follows."""
    hinted_us: int | None = None
    """The moment that its file time tells, if that tells one."""

    def place(self, moment: int) -> Interval:
        """Return what it would hold, less what neighbours may overlap."""
        end = max(moment + self.length_us - self.slack_us, moment + self.slack_us)
        return min(moment + self.slack_us, end - 1), end


def date_repeated(
    tasks: Sequence[ScoreTask],
    store: Store,
    known: Mapping[str, SegmentRecord],
) -> list[ScoreTask]:
    """Give tasks of one camera whose names may mean two moments the right one.

    Parameters
    ----------
    known : mapping of segment id to SegmentRecord
        Offered files that were counted before: they stay in the hour they are in.

    Returns
    -------
    list of ScoreTask
        As they came; those that nothing tells have a start of quality ``ambiguous``.
    """
    names = [_name_of(task) for task in tasks]
    repeated = [
        moment
        for task, moment in zip(tasks, names, strict=True)
        if moment is not None and _is_repeated(moment, task.camera.timezone)
    ]
    if not repeated:
        return list(tasks)
    near = [
        task
        for task, moment in zip(tasks, names, strict=True)
        if moment is not None and any(abs(moment - t) < NEAR for t in repeated)
    ]
    starts: dict[str, StartTime] = {}
    undated: dict[str, Undated] = {}
    held: list[Interval] = []
    for task in near:
        found = _undated_start(task)
        record = known.get(task.segment_id)
        if found is None:
            span = header_span(task)
            held += [] if span is None else [span]
            continue
        start, length_us = found
        if record is not None and is_start_of(start, record.start_us or 0):
            at = record.start_us or 0
            starts[task.segment_id] = replace(start, start_us=at, quality="zone")
            held.append((at, at + length_us))
        else:
            starts[task.segment_id] = start
            undated[task.segment_id] = _to_undated(start, length_us)
    held += _held_in(store, tasks[0].camera.name, undated, {t.segment_id for t in near})
    placed = place_undated(undated, held)
    for segment_id in undated:
        at_us, start = placed.get(segment_id), starts[segment_id]
        starts[segment_id] = (
            replace(start, quality="ambiguous")
            if at_us is None
            else replace(start, start_us=at_us, quality="zone")
        )
    return [
        replace(task, start=starts.get(task.segment_id, task.start)) for task in tasks
    ]


def place_undated(
    undated: Mapping[str, Undated], held: Sequence[Interval]
) -> dict[str, int]:
    """Place files behind what they follow, then by their file times.

    A file follows another if that ends where it would begin, and if nobody else is
    where it would be. Where two files follow the same one, their file times decide:
    those may not contradict what they follow.

    Parameters
    ----------
    held : sequence of (start_us, end_us)
        What is dated already.

    Returns
    -------
    dict of str to int
        Starts of those that could be placed, the same in any order of the files.
    """
    taken, placed = list(held), dict[str, int]()
    rest = dict(undated)
    while rest:
        claims = {
            key: [m for m in one.moments if _follows(one, m, taken)]
            for key, one in rest.items()
        }
        step = {
            key: moments[0]
            for key, moments in claims.items()
            if len(moments) == 1 and not _is_contested(key, rest, claims)
        }
        if not step:
            hinted = [
                (one.hinted_us, key)
                for key, one in rest.items()
                if one.hinted_us is not None
                and (not claims[key] or one.hinted_us in claims[key])
            ]
            if not hinted:
                break
            moment, key = min(hinted)
            step = {key: moment}
        for key, moment in step.items():
            placed[key] = moment
            taken.append((moment, moment + rest.pop(key).length_us))
    return placed


def _follows(one: Undated, moment: int, taken: Sequence[Interval]) -> bool:
    place = one.place(moment)
    return any(abs(end - moment) <= one.slack_us for _, end in taken) and not any(
        _overlap(place, other) for other in taken
    )


def _is_contested(
    key: str, rest: Mapping[str, Undated], claims: Mapping[str, Sequence[int]]
) -> bool:
    place = rest[key].place(claims[key][0])
    return any(
        _overlap(place, rest[other].place(moment))
        for other, moments in claims.items()
        if other != key
        for moment in moments
    )


def _overlap(a: Interval, b: Interval) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _name_of(task: ScoreTask) -> datetime | None:
    """Return the local time in a file's name, naive."""
    if task.source.kind != "file" or task.options.start is not None:
        return None
    name = read_source_name(task.source, task.camera)
    if name is None:
        return None
    if name.moment.tzinfo is None:
        return name.moment
    return name.moment.astimezone(ZoneInfo(task.camera.timezone)).replace(tzinfo=None)


def _is_repeated(naive: datetime, zone: str) -> bool:
    first, second = (naive.replace(tzinfo=ZoneInfo(zone), fold=k) for k in (0, 1))
    return first.astimezone(UTC) < second.astimezone(UTC)


def _undated_start(task: ScoreTask) -> tuple[StartTime, int] | None:
    """Return the start of a file that may be another, and its length."""
    try:
        probe = probe_video(task.source, task.options.max_pixels)
        start = resolve_start(task.source, task.camera, probe)
    except (VideoError, OSError):  # scoring says what is wrong with it
        return None
    length_s = probe.duration_s_from_header or 0.0
    return None if start.twin_us is None else (start, round(length_s * US_PER_S))


def _to_undated(start: StartTime, length_us: int) -> Undated:
    first, second = sorted((start.start_us, start.twin_us or 0))
    return Undated(
        moments=(first, second),
        length_us=length_us,
        slack_us=round((SEAM_S + 2 * start.sd_s) * US_PER_S),
        hinted_us=start.start_us if start.quality == "zone" else None,
    )


def _held_in(
    store: Store,
    camera: str,
    undated: Mapping[str, Undated],
    left_out: Collection[str],
) -> list[Interval]:
    """Return what the store holds near some files."""
    windows = join_windows(
        [(o.moments[0] - NEAR_US, o.moments[1] + NEAR_US) for o in undated.values()]
    )
    return [
        (record.start_us or 0, record.end_us or 0)
        for window in windows
        for record in store.segments(camera, window=window)
        if is_counted(record) and record.segment_id not in left_out
    ]
