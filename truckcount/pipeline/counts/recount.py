"""Counts of one camera to its tables: the last two hops, under the camera's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from truckcount.domain.camera import Camera
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.camera_counter import CameraCounter, GateCounts
from truckcount.pipeline.counts.outages import outage_hours, unwatched_rows
from truckcount.pipeline.counts.timeline import Interval, span_of
from truckcount.presence.weights import Weights
from truckcount.store import HourStamp, SegmentRecord, Store
from truckcount.store.fold_states import FoldStates
from truckcount.store.layout import month_of

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCounts:
    """What windows of a camera count to."""

    windows: tuple[Interval, ...]
    passages: tuple[Passage, ...]
    hours: tuple[HourRow, ...]
    won: dict[str, list[Interval]]
    """Times that the changed segments, and those they overlap, count for."""


def publish_counts(
    store: Store,
    camera: Camera,
    records: Sequence[SegmentRecord],
    changed: set[str],
    *,
    weights: Weights,
    options: RunOptions,
    vacated: Sequence[Interval] = (),
    now_us: int | None = None,
) -> CameraCounts | None:
    """Count what changed segments touch and publish it; call under the lock.

    Parameters
    ----------
    records : sequence of SegmentRecord
        Counted segments, the changed ones among them; those that the store has as
        they are may be left out.
    changed : set of str
        Ids of segments that are new or whose configuration changed.
    vacated : sequence of (start_us, end_us)
        Times that segments were moved away from: a corrected clock.
    """
    states = FoldStates(store.root, camera.name)
    if vacated:
        states.cut(min(low for low, _ in vacated))
    counter = CameraCounter(
        store,
        camera,
        records,
        weights=weights,
        options=options,
        seals=store.seals(camera.name),
        others=store,
        states=states,
        kept_bins=store.kept_bins(camera.name),
    )
    spans = [span_of(r) for r in records if r.segment_id in changed]
    touched = [*((s.start_us, s.end_us) for s in spans), *vacated]
    windows = counter.windows(touched)
    if not windows:
        return None
    publisher = CountsPublisher(store, camera, counter, now_us)
    passages: list[Passage] = []
    hours: list[HourRow] = []
    for counts in publisher.publish(counter.count(windows)):
        passages += counts.passages
        hours += counts.rows[options.bins]
    publisher.fill_outages(windows)
    return CameraCounts(
        windows=tuple(windows),
        passages=tuple(passages),
        hours=tuple(hours),
        won=counter.spans.won_near(touched),
    )


class CountsPublisher:
    """Writes counts in the order of ingest: passages, history, hours."""

    def __init__(
        self,
        store: Store,
        camera: Camera,
        counter: CameraCounter,
        now_us: int | None = None,
        cause: str | None = None,
    ) -> None:
        self._store, self._camera, self._counter = store, camera, counter
        self._now_us, self._cause = now_us, cause
        self.n_revisions = 0

    def publish(self, counted: Iterable[GateCounts]) -> list[GateCounts]:
        """Write counts, a month of a gate at a time: its files are rewritten once."""
        done: list[GateCounts] = []
        by_gate: dict[str, list[GateCounts]] = {}
        month = ""
        for counts in counted:
            if by_gate and month_of(counts.window[0]) != month:
                self._flush(by_gate)
            month = month_of(counts.window[0])
            by_gate.setdefault(counts.gate.name, []).append(counts)
            done.append(counts)
        self._flush(by_gate)
        return done

    def fill_outages(self, windows: Sequence[Interval]) -> None:
        """Write null rows for hours that nobody watched, where there are none."""
        for gate, _, digest in self._counter.gates:
            known = partial(self._store.hour_starts, self._camera.name, gate.name)
            starts = outage_hours(
                gate, self._counter.spans, windows, known, self._now_us
            )
            if not starts:
                continue
            for minutes in self._counter.minutes(starts[0], starts[-1] + HOUR_US):
                n = self._store.write_hours(
                    self._stamp(digest),
                    [
                        replace(row, clock_offset_s=self._camera.clock_shift_s)
                        for row in unwatched_rows(gate, starts, minutes)
                    ],
                    self._now_us,
                    is_only_new=True,
                )
                self.n_revisions += n if minutes == 60 else 0

    def _flush(self, by_gate: dict[str, list[GateCounts]]) -> None:
        for parts in by_gate.values():
            for window, joined in _runs(parts):
                self._store.write_passages(
                    self._camera.name,
                    joined[0].gate.name,
                    [p for part in joined for p in part.passages],
                    window,
                    model_id=self._counter.model_id,
                    config_hash=joined[0].config_hash,
                    now_us=self._now_us,
                )
            for kind, minutes in sorted(
                {(part.source_kind, n) for part in parts for n in part.rows}
            ):
                mine = [part for part in parts if part.source_kind == kind]
                n = self._store.write_hours(
                    self._stamp(parts[0].config_hash, kind),
                    [row for part in mine for row in part.rows.get(minutes, ())],
                    self._now_us,
                    cause=self._cause,
                )
                self.n_revisions += n if minutes == 60 else 0
        by_gate.clear()

    def _stamp(self, digest: str, kind: str | None = None) -> HourStamp:
        return HourStamp(
            camera=self._camera.name,
            timezone=self._camera.timezone,
            source_kind=self._camera.source_kind if kind is None else kind,
            model_id=self._counter.model_id,
            config_hash=digest,
        )


def _runs(parts: Sequence[GateCounts]) -> list[tuple[Interval, list[GateCounts]]]:
    """Join windows that touch, so that their passages are written at once."""
    runs: list[tuple[Interval, list[GateCounts]]] = []
    for part in parts:
        if runs and runs[-1][0][1] == part.window[0]:
            (low, _), joined = runs[-1]
            runs[-1] = ((low, part.window[1]), [*joined, part])
        else:
            runs.append((part.window, [part]))
    return runs
