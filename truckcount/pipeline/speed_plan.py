"""A camera's first minutes to the cheapest way of reading it that counts the same.

``--speed fastest`` scores the beginning of a file as ``exact`` does, then recounts
it from fewer samples. A cheaper way is taken only where every phase of its thinning,
and of one thinner still, counts the same passages.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from truckcount.counting import count_passages
from truckcount.domain.camera import Camera
from truckcount.domain.scores import Scores, select_scores
from truckcount.domain.ticks import TickSampler
from truckcount.pipeline.config import RunOptions, counting_options, scoring_hash
from truckcount.pipeline.file_errors import file_error
from truckcount.presence.devices import open_runtime
from truckcount.presence.engine import ClipScorer
from truckcount.presence.views import plan_run_views
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord
from truckcount.video import (
    KEY_GAP_TICKS,
    Source,
    measure_key_gap_us,
    open_decoder,
    probe_video,
)

CALIBRATION_S = 180.0
LEAST_S = 20.0
WORTH_S = 600.0  # of new video; a calibration scores its part three times
LEAST_PASSAGES = 5  # with fewer, equal counts say next to nothing
FACTORS = (5, 2)  # by which samples are thinned, the cheapest first
MARGIN = 1.4  # a rate is taken where one this much lower still counts the same
LEAST_FPS = 1.0  # with its margin it wants gates whose fill_s is 1.4 or more
CONFIDENCE = 0.95

Scored = Mapping[str, Scores]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedPlan:
    """How one camera is read, and why."""

    sample_fps: float
    speed: str
    """``exact`` or ``fast``."""
    key_frames_only: bool
    reason: str
    n_passages: int = 0
    """Counted in the calibration; 0 where none was made."""
    error_bound: float | None = None
    """Share of passages that the plan may miscount, at most, at 95 % confidence."""

    def apply_to(self, options: RunOptions) -> RunOptions:
        """Return the options that read the camera by this plan."""
        return replace(
            options,
            sample_fps=self.sample_fps,
            speed=self.speed,
            key_frames_only=self.key_frames_only,
            # exact scores are the same whoever asks for them
            is_planned=not _is_exact(self, options),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``run --json`` prints."""
        return asdict(self)


def choose_plan(
    camera: Camera,
    sources: Sequence[tuple[Source, str]],
    records: Mapping[str, SegmentRecord],
    *,
    weights: Weights,
    options: RunOptions,
) -> SpeedPlan:
    """Return a camera's plan: the one it was counted by before, or a new one.

    Parameters
    ----------
    sources : sequence of (Source, segment_id)
        Offered files; the first that is new is calibrated on.
    records : mapping of segment_id to SegmentRecord
        What the store has counted of this camera.
    """
    known = known_plan(camera, records.values(), weights=weights, options=options)
    new = [source for source, segment_id in sources if segment_id not in records]
    if known is not None and not (new and _is_exact(known, options)):
        return known
    if options.backend != "av":
        return exact_plan(options, f"--backend {options.backend} is not calibrated")
    for source in new:
        if source.kind != "file":
            return exact_plan(options, f"a source of kind {source.kind} has no start")
        try:
            probe = probe_video(source, options.max_pixels)
            new_s = (probe.duration_s_from_header or 0.0) * len(new)
            if new_s < WORTH_S:
                why = f"{new_s:.0f} s of new video are not worth a calibration"
                return exact_plan(options, why)
            return calibrate(source, camera, weights=weights, options=options)
        except Exception as error:  # noqa: BLE001
            file_error(source.name, error)  # raised again where no file is to blame
            continue  # the run itself says what is wrong with it
    return exact_plan(options, "no file could be calibrated on")


def known_plan(
    camera: Camera,
    records: Iterable[SegmentRecord],
    *,
    weights: Weights,
    options: RunOptions,
) -> SpeedPlan | None:
    """Return the plan that a camera's newest file was counted by; None without one.

    Parameters
    ----------
    records : iterable of SegmentRecord
        What the store has counted of the camera.
    """
    plans = {
        scoring_hash(camera, weights.model_id, plan.apply_to(options)): plan
        for plan in [exact_plan(options, ""), *(p for p, _ in _cheaper_plans(options))]
    }
    newest = max(
        (r for r in records if r.config_hash in plans),
        key=lambda r: r.start_us or 0,
        default=None,
    )
    if newest is None or newest.config_hash is None:
        return None
    plan = plans[newest.config_hash]
    return replace(plan, reason=f"{_name(plan)}, as it was counted before")


def calibrate(
    source: Source, camera: Camera, *, weights: Weights, options: RunOptions
) -> SpeedPlan:
    """Score a file's beginning exactly and compare what cheaper ways would count.

    Raises
    ------
    VideoError
        When the file cannot be read.
    """
    probe = probe_video(source, options.max_pixels)
    size = (probe.width, probe.height)
    rects = plan_run_views(weights.header, camera.gates, size)
    runtime = open_runtime(weights, options.device, precision=options.precision)
    whole = ClipScorer(runtime, camera.gates, rects, "whole")
    gated = ClipScorer(runtime, camera.gates, rects, "whole", is_gated=True)
    seconds = 0.0
    for sample in open_decoder(
        source,
        rects,
        start_us=0,
        sample_fps=options.sample_fps,
        max_pixels=options.max_pixels,
    ):
        seconds = sample.pts_us / 1e6
        if seconds > CALIBRATION_S:
            break
        whole.process(sample)
        gated.process(sample)
    if seconds < LEAST_S:
        return exact_plan(options, f"{seconds:.0f} s are too short to calibrate on")

    def count(scores: Scored) -> Counter[tuple[str, str]]:
        return Counter(
            (gate.name, passage.direction)
            for gate in camera.gates
            for passage in count_passages(
                scores[gate.name],
                gate,
                counting_options(gate, weights.header.thresholds),
                size[0] / size[1],
            )
            if passage.is_counted
        )

    return pick_plan(
        whole.finish(),
        gated.finish(),
        count,
        key_gap_us=measure_key_gap_us(source, CALIBRATION_S, options.max_pixels),
        options=options,
    )


def pick_plan(
    whole: Scored,
    gated: Scored,
    count: Callable[[Scored], Counter[tuple[str, str]]],
    *,
    key_gap_us: int | None,
    options: RunOptions,
) -> SpeedPlan:
    """Return the cheapest plan that counts the calibration part as ``exact`` does."""
    want = count(whole)
    n = want.total()
    if n < LEAST_PASSAGES:
        why = f"only {n} passages to calibrate on, {LEAST_PASSAGES} are wanted"
        return exact_plan(options, why)
    bound = round(1 - (1 - CONFIDENCE) ** (1 / n), 4)
    for plan, factor in _cheaper_plans(options):
        if plan.key_frames_only and not _is_close(key_gap_us, plan.sample_fps):
            continue
        if factor == 1:
            is_same = count(gated) == want
        else:
            is_same = all(
                count(thin(whole, options.sample_fps, step, phase)) == want
                for step in {factor, round(MARGIN * factor)}
                for phase in range(step)
            )
        if is_same:
            reason = (
                f"{_name(plan)}: counts the same {n} passages of the beginning; at "
                f"most {bound:.0%} of passages may be miscounted (95 % confidence)"
            )
            return replace(plan, reason=reason, n_passages=n, error_bound=bound)
    return exact_plan(options, "every cheaper way counts otherwise", n)


def thin(scores: Scored, sample_fps: float, step: int, phase: int) -> Scored:
    """Keep every ``step``-th tick of scores."""
    sampler = TickSampler(sample_fps)
    return {
        name: select_scores(one, sampler.ticks_of(one.t_us) % step == phase)
        for name, one in scores.items()
    }


def exact_plan(options: RunOptions, why: str, n_passages: int = 0) -> SpeedPlan:
    """Return the plan that changes nothing."""
    return SpeedPlan(
        sample_fps=options.sample_fps,
        speed="exact",
        key_frames_only=False,
        reason=f"exact: {why}",
        n_passages=n_passages,
    )


def _cheaper_plans(options: RunOptions) -> list[tuple[SpeedPlan, int]]:
    """Return plans, the cheapest first, with the factor of their thinning."""
    thinned = [
        (
            SpeedPlan(
                sample_fps=options.sample_fps / factor,
                speed="exact",
                key_frames_only=key_frames_only,
                reason="",
            ),
            factor,
        )
        for key_frames_only in (True, False)
        for factor in FACTORS
        if options.sample_fps / factor >= LEAST_FPS
    ]
    return [*thinned, (replace(exact_plan(options, ""), speed="fast"), 1)]


def _is_exact(plan: SpeedPlan, options: RunOptions) -> bool:
    is_whole = plan.sample_fps == options.sample_fps and not plan.key_frames_only
    return is_whole and plan.speed == "exact"


def _is_close(key_gap_us: int | None, sample_fps: float) -> bool:
    return key_gap_us is not None and key_gap_us <= KEY_GAP_TICKS * 1e6 / sample_fps


def _name(plan: SpeedPlan) -> str:
    text = f"{plan.speed}, {plan.sample_fps:g} samples/s"
    return f"{text}, key frames only" if plan.key_frames_only else text
