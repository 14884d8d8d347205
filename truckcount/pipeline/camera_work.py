"""One camera's part of a run: its files, and what became of them."""

from dataclasses import dataclass, field

from truckcount.domain.camera import Camera
from truckcount.domain.passage import Passage
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.recount import CameraCounts
from truckcount.pipeline.result import FileOutcome
from truckcount.pipeline.speed_plan import SpeedPlan
from truckcount.video import Source


@dataclass(slots=True)
class CameraWork:
    """The files of one camera in one run, and what became of them."""

    camera: Camera
    options: RunOptions
    """Of the run, or as the camera's speed plan changed them."""
    plan: SpeedPlan | None = None
    sources: list[tuple[Source, str]] = field(default_factory=list)
    outcomes: list[FileOutcome] = field(default_factory=list)
    counts: list[CameraCounts] = field(default_factory=list)
    own_ids: set[str] = field(default_factory=set)
    worker_cpu_s: float = 0.0


def own_passages(work: CameraWork) -> list[Passage]:
    """Return the passages that begin in this run's files, the newest count of each."""
    windows: list[tuple[int, int]] = []
    found = []
    for counts in reversed(work.counts):
        for passage in counts.passages:
            is_recounted = any(a <= passage.onset_us < b for a, b in windows)
            if not is_recounted and passage.segment_id_onset in work.own_ids:
                found.append(passage)
        windows.extend(counts.windows)
    return sorted(found, key=lambda p: (p.onset_us, p.gate, p.path))
