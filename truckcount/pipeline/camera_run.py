"""The files of one camera to scores, passages, hours: what of them is new."""

import logging
import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace

from truckcount.domain.scores import Scores
from truckcount.domain.segment import StartTime
from truckcount.errors import TruckcountError
from truckcount.pipeline.camera_work import CameraWork, fold_counts, own_passages
from truckcount.pipeline.config import scoring_hash
from truckcount.pipeline.counted_before import (
    corrected_start,
    guessed_before,
    start_of,
    stays_outcome,
    succeed,
)
from truckcount.pipeline.counts.recount import CameraCounts, publish_counts
from truckcount.pipeline.counts.timeline import span_of
from truckcount.pipeline.file_errors import file_error
from truckcount.pipeline.file_work import measure_work
from truckcount.pipeline.interrupts import interrupts_held
from truckcount.pipeline.repeated_hour import date_repeated
from truckcount.pipeline.result import FileOutcome, RunListener
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.pipeline.segments import (
    duplicate_outcome,
    failed_outcome,
    given_up_outcome,
    is_counted,
    is_late,
    outcome_of,
    record_of,
    sealed_outcome,
    uncounted_record,
)
from truckcount.pipeline.speed_plan import choose_plan
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord, Store
from truckcount.store.seals import LATE, LEFT_OUT, Seals
from truckcount.store.segments_table import newest_ids
from truckcount.store.stamps import is_ahead

logger = logging.getLogger(__name__)

WRITE_SAMPLES = 100  # scores of shorter files are written together
PUBLISH_EVERY_S = 60.0  # hours appear while a long archive is still being read


class CameraRun:
    """Keeps and publishes the scored files of one camera, holding its lock.

    ``begin`` says what must be scored, ``take`` is given each file as it is, ``end``
    comes when all are taken, ``leave`` whenever they will not be.
    """

    def __init__(
        self,
        store: Store,
        work: CameraWork,
        weights: Weights,
        listener: RunListener | None,
    ) -> None:
        self._store = store
        self._work = work
        self._camera = work.camera
        self._weights = weights
        self._options = work.options
        self._listener = listener
        self.n_elsewhere = 0
        """Trucks counted by the run's other cameras, for whoever listens."""
        self._held = ExitStack()
        self._is_begun = False
        self._n_left = self._n_trucks = 0
        self._published_s = 0.0
        self._digest = scoring_hash(work.camera, weights.model_id, work.options)
        self._run_id = uuid.uuid4().hex[:12]
        self._known: dict[str, SegmentRecord] = {}
        self._fresh: dict[str, SegmentRecord] = {}
        self._changed: set[str] = set()
        self._moved: set[str] = set()
        self._vacated: list[tuple[int, int]] = []
        self._pending: list[SegmentRecord] = []
        self._left_out: dict[str, SegmentRecord] = {}
        self._seals = Seals()
        self._unwritten: list[Mapping[str, Scores]] = []
        self._n_unwritten = 0

    def begin(self) -> list[ScoreTask]:
        """Take the camera's lock and return what must be scored."""
        self._held.enter_context(self._store.lock(self._camera.name))
        self._store.check_clock(self._camera.name)  # before hours of decoding
        self._read_records({segment_id for _, segment_id in self._work.sources})
        if self._options.speed == "fastest":
            self._choose_speed()
        self._is_begun = True
        todo = date_repeated(self._sort_out(), self._store, self._known)
        self._n_left = len(todo)
        self._published_s = time.monotonic()
        return todo

    @property
    def is_done(self) -> bool:
        """Whether all that ``begin`` returned is taken."""
        return self._n_left == 0

    def take(self, task: ScoreTask, scored: ScoredFile | TruckcountError) -> None:
        """Keep a scored file, or note why it is none; publish now and then."""
        self._n_left -= 1
        if isinstance(scored, TruckcountError):
            self._fail(task, scored)
            return
        seal = self._seals.covering(scored.report.start_us, scored.report.end_us)
        if seal is not None:
            self._vacate(task, scored)
            self._leave_out(task, seal.status)
            return
        with interrupts_held():  # scores and their record are one step
            record = self._keep(task, scored)
        is_due = time.monotonic() - self._published_s > PUBLISH_EVERY_S
        if is_due or self.is_done:  # workers give them in any order
            self._publish()
            self._published_s = time.monotonic()
        self._note_done(task, record, scored)

    def end(self) -> None:
        """Publish the rest, close hours that are over and give the lock back."""
        with self._held:
            self._publish_rest()
            self._store.finalise_hours(self._camera.name)

    def leave(self) -> None:
        """Keep what is scored by now, also when interrupted; give the lock back."""
        with self._held:
            self._publish_rest()

    def _publish_rest(self) -> None:
        is_begun, self._is_begun = self._is_begun, False  # once, though it fails
        if is_begun and (self._changed or self._pending or self._vacated):
            self._publish()

    def give_up(self, error: Exception) -> None:
        """Note what a run that broke off left uncounted; what it published stands."""
        lost = {record.segment_id for record in self._pending}
        kept = [o for o in self._work.outcomes if o.segment_id not in lost]
        self._work.outcomes[:] = kept
        noted = {outcome.path for outcome in kept}
        for source, _ in self._work.sources:
            if source.name not in noted:
                self._note(given_up_outcome(source.name, self._camera.name, error))

    def keep(self, task: ScoreTask, scored: ScoredFile) -> None:
        """Keep one scored piece and publish it."""
        with self._store.lock(self._camera.name), interrupts_held():
            self._read_records({task.segment_id})
            record = self._keep(task, scored)
            self._publish()
        self._note_done(task, record, scored)

    def _leave_out(self, task: ScoreTask, status: str) -> None:
        """Note a file that came too late: its hours are deleted, closed or pruned."""
        outcome = sealed_outcome(task, status)
        logger.warning("%s: %s", task.source.name, outcome.warnings[0])
        self._turn_away(task, outcome)

    def _read_records(self, offered: Collection[str]) -> None:
        """Read what the store knows of the files that were offered."""
        records = self._store.segments(self._camera.name, ids=offered)
        self._known = {r.segment_id: r for r in records if is_counted(r)}
        self._left_out = {
            r.segment_id: r
            for r in records
            if r.status in LEFT_OUT
            and not (r.status == LATE and self._options.is_backfill)
        }
        self._seals = self._store.seals(self._camera.name)

    def _choose_speed(self) -> None:
        """Replace ``fastest`` by what this camera's scene allows."""
        name = self._camera.name
        newest = self._store.segments(name, ids=newest_ids(self._store.root, name))
        plan = choose_plan(
            self._camera,
            self._work.sources,
            {r.segment_id: r for r in newest if is_counted(r)} | self._known,
            weights=self._weights,
            options=self._options,
        )
        logger.info("%s: %s", self._camera.name, plan.reason)
        self._work.plan = plan
        self._options = self._work.options = plan.apply_to(self._options)
        self._digest = scoring_hash(self._camera, self._weights.model_id, self._options)

    def _sort_out(self) -> list[ScoreTask]:
        """Return what must be scored; the rest is known already."""
        todo: dict[str, ScoreTask] = {}
        for source, segment_id in self._work.sources:
            task = ScoreTask(
                source=source,
                camera=self._camera,
                segment_id=segment_id,
                options=self._options,
            )
            try:
                if self._has_to_score(task, todo):
                    todo[segment_id] = self._in_place(task)
            except Exception as error:  # noqa: BLE001 - its own failure
                self._fail(task, file_error(source.name, error))
        return list(todo.values())

    def _has_to_score(self, task: ScoreTask, todo: Collection[str]) -> bool:
        """Tell whether a file must be scored; else note what becomes of it."""
        segment_id = task.segment_id
        known = self._known.get(segment_id)
        if segment_id in todo or segment_id in self._work.own_ids:
            self._turn_away(task, duplicate_outcome(task))
            return False
        before = self._left_out.get(segment_id)
        if before is not None and (
            before.status != LATE or is_late(task, self._store.root)
        ):
            if before.status == LATE and is_ahead(before.known_at_us):
                self._leave_out(task, LATE)  # by a clock that ran ahead; now by this
                return False
            self._note(sealed_outcome(task, before.status))
            return False
        if known is None:
            if is_late(task, self._store.root):
                self._leave_out(task, LATE)
                return False
            return True
        if self._is_sealed(known):
            self._work.own_ids.add(segment_id)
            self._note(outcome_of(task.source, self._camera, known, "reused"))
            return False
        start = corrected_start(task, span_of(known))
        if start is not None:
            return self._may_move(task, known, start)
        if self._options.is_strict_time and known.time_quality == "guess":
            self._fail(task, guessed_before(task, span_of(known)))
            return False
        if self._store.has_scores(self._camera.name, known, self._digest):
            self._take_known(task, known)
            return False
        return True

    def _in_place(self, task: ScoreTask) -> ScoreTask:
        """Let a file that is scored again stay in its place, unless it moves."""
        known = self._known.get(task.segment_id)
        if known is None or task.segment_id in self._moved:
            return task
        # a file time, or a run without its --start, would tell another
        return replace(task, start=start_of(known))

    def _may_move(
        self, task: ScoreTask, known: SegmentRecord, start: StartTime
    ) -> bool:
        """Tell whether a counted file is scored again at a corrected time."""
        outcome = stays_outcome(task, self._store.root, known, start)
        if outcome is None:
            self._moved.add(task.segment_id)
        elif outcome.status == "conflict":
            self._turn_away(task, outcome)
        else:
            self._work.own_ids.add(task.segment_id)
            self._note(outcome)
        return outcome is None

    def _is_sealed(self, known: SegmentRecord) -> bool:
        """Tell whether a counted file's hours stand though its scores are gone."""
        span = span_of(known)
        return self._seals.covering(span.start_us, span.end_us) is not None

    def _take_known(self, task: ScoreTask, known: SegmentRecord) -> None:
        """Take a file whose bytes were scored before."""
        self._changed.add(task.segment_id)
        self._work.own_ids.add(task.segment_id)
        if known.path == task.source.name:
            self._note(outcome_of(task.source, self._camera, known, "reused"))
            return
        self._turn_away(task, outcome_of(task.source, self._camera, known, "duplicate"))

    def _fail(self, task: ScoreTask, error: TruckcountError) -> None:
        """Note a file that cannot be counted, and go on."""
        logger.warning("%s", error)
        outcome = failed_outcome(task.source.name, self._camera.name, error)
        known = self._known.get(task.segment_id)
        if known is not None and known.path == task.source.name:
            self._note(outcome)  # what was counted of it stands
        else:
            self._turn_away(task, outcome)

    def _turn_away(self, task: ScoreTask, outcome: FileOutcome) -> None:
        """Note a file that is not counted, or not again, in the store, too."""
        record = uncounted_record(task, outcome, self._run_id)
        self._store.write_segment(self._camera.name, record)
        self._note(outcome)

    def _keep(self, task: ScoreTask, scored: ScoredFile) -> SegmentRecord:
        self._unwritten.append(scored.scores)
        self._n_unwritten += scored.report.n_samples
        if self._n_unwritten >= WRITE_SAMPLES:
            self._write_scores()
        record = record_of(
            task,
            scored,
            model_id=self._weights.model_id,
            scoring_hash=self._digest,
            run_id=self._run_id,
        )
        known = self._vacate(task, scored)
        if known is not None and known.path != record.path:
            copy = uncounted_record(task, duplicate_outcome(task), self._run_id)
            self._store.write_segment(self._camera.name, copy)
            record = succeed(known, record)
        self._fresh[record.segment_id] = record
        self._pending.append(record)
        self._changed.add(record.segment_id)
        self._work.own_ids.add(record.segment_id)
        self._work.worker_cpu_s += scored.worker_cpu_s
        return record

    def _vacate(self, task: ScoreTask, scored: ScoredFile) -> SegmentRecord | None:
        """Have the hours counted again that a file leaves; return what it was."""
        known = self._known.get(task.segment_id)
        if known is not None and known.start_us != scored.report.start_us:
            span = span_of(known)
            self._vacated.append((span.start_us, span.end_us))
        return known

    def _write_scores(self) -> None:
        if not self._unwritten:
            return
        with interrupts_held():
            name = self._camera.name
            self._store.write_many_scores(name, self._unwritten, self._digest)
            self._unwritten.clear()
            self._n_unwritten = 0

    def _publish(self) -> None:
        self._write_scores()
        counts = publish_counts(
            self._store,
            self._camera,
            [
                *(self._known[k] for k in self._changed - self._fresh.keys()),
                *self._fresh.values(),
            ],
            self._changed,
            weights=self._weights,
            options=self._options,
            vacated=self._vacated,
        )
        if counts is not None:
            self._work.counts.append(counts)
            fold_counts(self._work)
            self._n_trucks = sum(p.is_counted for p in own_passages(self._work))
            self._note_winners(counts)
        if self._pending:
            self._store.write_segments(self._camera.name, self._pending)
        self._pending.clear()
        self._fresh.clear()
        self._changed.clear()
        self._vacated.clear()

    def _note_winners(self, counts: CameraCounts) -> None:
        """Say in the segments' rows which times each counts for after overlaps."""
        others = counts.won.keys() - self._fresh.keys()
        records = self._store.segments(self._camera.name, ids=others)
        near = {r.segment_id: r for r in records if is_counted(r)} | self._fresh
        pending = {record.segment_id for record in self._pending}
        for segment_id, record in near.items():
            won = tuple(counts.won.get(segment_id, ()))
            if won != record.winner_intervals:
                near[segment_id] = replace(record, winner_intervals=won)
                pending.add(segment_id)
        self._pending = [near[segment_id] for segment_id in sorted(pending)]

    def _note_done(
        self, task: ScoreTask, record: SegmentRecord, scored: ScoredFile
    ) -> None:
        work = measure_work(scored, record, self._camera, self._weights)
        self._note(outcome_of(task.source, self._camera, record, "done", scored, work))

    def _note(self, outcome: FileOutcome) -> None:
        self._work.outcomes.append(outcome)
        if self._listener is not None:
            self._listener.finished(outcome, self.n_elsewhere + self._n_trucks)

    @property
    def n_trucks(self) -> int:
        """Trucks of this run's files, as published last."""
        return self._n_trucks
