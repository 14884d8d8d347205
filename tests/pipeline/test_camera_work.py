"""What a run keeps of a camera's counts, however often it publishes."""

from tests.pipeline.pieces import CAMERA
from truckcount.domain.passage import Passage
from truckcount.pipeline.camera_work import CameraWork, fold_counts, own_passages
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.recount import CameraCounts

HOUR_US = 3_600_000_000


def passage(onset_us, segment="s"):
    return Passage(
        gate="g",
        onset_us=onset_us,
        offset_us=onset_us + 1,
        direction="any",
        is_counted=True,
        drop_reason=None,
        onset_censored=False,
        offset_censored=False,
        score_peak=0.9,
        score_mean=0.8,
        direction_score=0.0,
        direction_method="none",
        n_samples=5,
        segment_id_onset=segment,
        segment_id_offset=segment,
    )


def counts(low, high, *passages):
    return CameraCounts(
        windows=((low, high),), passages=tuple(passages), hours=(), won={}
    )


def test_a_publish_adds_to_one_list_and_replaces_what_it_counts_anew():
    work = CameraWork(camera=CAMERA, options=RunOptions(), own_ids={"s"})
    for k in range(200):  # each publish counts the hour before once more, otherwise
        low, high = (k - 1) * HOUR_US, (k + 1) * HOUR_US
        found = [passage(t) for t in (low + k, k * HOUR_US + 1000)]
        work.counts.append(counts(low, high, *found, passage(low, "another's")))
        fold_counts(work)
        assert len(work.counts) == 1
    onsets = [p.onset_us for p in own_passages(work)]
    assert onsets == [
        *(k * HOUR_US + k + 1 for k in range(-1, 199)),
        199 * HOUR_US + 1000,
    ]
