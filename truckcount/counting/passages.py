"""Scores of one gate to passages: a fold over samples."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.counting.association import associate
from truckcount.counting.debounce import Debouncer, Presence
from truckcount.counting.judgement import judge_track
from truckcount.counting.options import CountingOptions
from truckcount.counting.polygon import is_inside
from truckcount.counting.track import Observation, Track, overlap
from truckcount.domain.camera import Gate
from truckcount.domain.passage import Passage
from truckcount.domain.scores import PEAK_UNIT, Scores
from truckcount.errors import CountingError

RIDE_OVERLAP = 0.3  # of the smaller box, in one sample, to count as riding


class GateCounter:
    """Counts one gate; feed scores in time order, in pieces of any length.

    The whole state is in the object: a copy goes on exactly as the original.

    Parameters
    ----------
    gate : Gate
    options : CountingOptions
    aspect : float
        Width / height of the picture.
    has_peaks : bool
        False for networks that score whole views: presence alone is counted.
    """

    def __init__(
        self,
        gate: Gate,
        options: CountingOptions,
        aspect: float = 16 / 9,
        *,
        has_peaks: bool = True,
    ) -> None:
        self._gate = gate
        self._options = options
        self._aspect = aspect
        self._has_peaks = has_peaks
        self._tracks: list[Track] = []
        self._n_born = 0
        self._last_us: int | None = None
        self._watch_start_us = 0
        self._debouncer = Debouncer(options)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being followed: a fresh counter would go on alike."""
        return not self._tracks and self._debouncer.is_idle

    @property
    def since_us(self) -> int | None:
        """First sight of what is being followed; no passage to come began before."""
        seen = [track.obs[0].t_us for track in self._tracks]
        open_us = self._debouncer.since_us
        return min([*seen, *([] if open_us is None else [open_us])], default=None)

    def to_state(self) -> dict[str, Any]:
        """Return the whole state as what JSON can hold."""
        return {
            "tracks": [track.to_state() for track in self._tracks],
            "n_born": self._n_born,
            "last_us": self._last_us,
            "watch_start_us": self._watch_start_us,
            "debouncer": self._debouncer.to_state(),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what ``to_state`` returned, with the same gate and options."""
        self._tracks = [Track.from_state(one) for one in state["tracks"]]
        self._n_born, self._last_us = state["n_born"], state["last_us"]
        self._watch_start_us = state["watch_start_us"]
        self._debouncer.resume(state["debouncer"])

    def process(self, scores: Scores) -> list[Passage]:
        """Take the next scores; return the passages that ended in them.

        Raises
        ------
        CountingError
            When they begin before the last ones ended.
        """
        usable = np.flatnonzero(scores.quality_flags == 0)
        if not len(usable):
            return []
        times = scores.t_us[usable]
        if self._last_us is not None and times[0] <= self._last_us:
            msg = (
                f"gate {self._gate.name!r}: scores at {times[0]} us come after "
                f"{self._last_us} us were counted; sort them by time"
            )
            raise CountingError(msg)
        before = -(2**62) if self._last_us is None else self._last_us
        steps = np.diff(times, prepend=before)
        is_gap = steps > self._options.seam_s * 1e6
        events = np.flatnonzero(is_gap | self._is_active(scores)[usable])
        done: list[Passage] = []
        k = 0
        while k < len(usable):
            if self.is_idle:  # quiet samples change nothing: leap over them
                at = int(np.searchsorted(events, k))
                if at == len(events):
                    break
                k = int(events[at])
                if k:
                    self._debouncer.skip_to(int(times[k - 1]))
            i = int(usable[k])
            if is_gap[k]:
                done += self._end_watch()
                self._watch_start_us = int(times[k])
            done += self._take(scores, i)
            k += 1
        self._last_us = int(times[-1])
        self._debouncer.skip_to(self._last_us)
        return done

    def finish(self) -> list[Passage]:
        """End all tracks as at the end of coverage."""
        return self._end_watch()

    def _is_active(self, scores: Scores) -> npt.NDArray[np.bool_]:
        if not self._has_peaks:
            floor = self._options.off_score * 255
            return np.asarray(scores.score_u8 >= floor)
        strong = scores.peaks["p"] >= round(self._options.off_score * 255)
        total = np.concatenate([[0], np.cumsum(strong)])
        return np.asarray(total[scores.peak_start[1:]] > total[scores.peak_start[:-1]])

    def _take(self, scores: Scores, i: int) -> list[Passage]:
        t_us = int(scores.t_us[i])
        segment = scores.segment_ids[scores.segment[i]]
        if not self._has_peaks:
            score = float(scores.score_u8[i]) / 255
            found = self._debouncer.process(t_us, score, segment)
            return [_from_presence(p, self._gate) for p in found]
        seen = self._observe(scores, i, t_us, segment)
        done = self._expire(t_us)
        pairs = associate(self._tracks, seen, t_us, self._options)
        current: list[Track] = []
        for track_index, seen_index in pairs:
            self._tracks[track_index].add(seen[seen_index])
            current.append(self._tracks[track_index])
        taken = {j for _, j in pairs}
        floor = self._options.off_score
        for j, peak in enumerate(seen):
            if j not in taken and peak.p >= floor:
                self._n_born += 1
                self._tracks.append(Track(number=self._n_born, obs=[peak]))
                current.append(self._tracks[-1])
        _note_rides(current)
        return done

    def _observe(
        self, scores: Scores, i: int, t_us: int, segment: str
    ) -> list[Observation]:
        low, high = int(scores.peak_start[i]), int(scores.peak_start[i + 1])
        floor = self._options.peak_floor
        seen = []
        for peak in scores.peaks[low:high].tolist():
            p = peak[4] / 255
            if p < floor:
                continue
            x, y = peak[0] / PEAK_UNIT, peak[1] / PEAK_UNIT
            seen.append(
                Observation(
                    t_us=t_us,
                    x=x * self._aspect,
                    y=y,
                    w=peak[2] / PEAK_UNIT * self._aspect,
                    h=peak[3] / PEAK_UNIT,
                    p=p,
                    is_inside=is_inside(self._gate.polygon, x, y),
                    segment=segment,
                )
            )
        return seen

    def _expire(self, t_us: int) -> list[Passage]:
        kept, done = [], []
        for track in self._tracks:
            unseen_us = t_us - track.last.t_us
            limit = self._options.fill_s
            if unseen_us > limit * 1e6 and track.is_standing(track.last.t_us):
                limit = self._options.stand_fill_s
            if unseen_us > limit * 1e6:
                done += self._judge(track, is_cut=False)
            else:
                kept.append(track)
        self._tracks = kept
        return done

    def _end_watch(self) -> list[Passage]:
        done = []
        for track in self._tracks:
            done += self._judge(track, is_cut=True)
        self._tracks = []
        done += [_from_presence(p, self._gate) for p in self._debouncer.finish()]
        return done

    def _judge(self, track: Track, *, is_cut: bool) -> list[Passage]:
        return judge_track(
            track,
            self._gate,
            self._options,
            self._aspect,
            watch_start_us=self._watch_start_us,
            is_cut=is_cut,
        )


def count_passages(
    scores: Scores,
    gate: Gate,
    options: CountingOptions,
    aspect: float = 16 / 9,
    *,
    has_peaks: bool = True,
) -> list[Passage]:
    """Count all passages of a gate, by onset."""
    counter = GateCounter(gate, options, aspect, has_peaks=has_peaks)
    passages = counter.process(scores) + counter.finish()
    return sort_passages(passages)


def sort_passages(passages: Sequence[Passage]) -> list[Passage]:
    """Order by onset; equal ones by offset and path."""
    return sorted(passages, key=lambda p: (p.onset_us, p.offset_us or 0, p.path))


def _note_rides(tracks: Sequence[Track]) -> None:
    for i, a in enumerate(tracks):
        for b in tracks[i + 1 :]:
            if overlap(a.last, b.last) > RIDE_OVERLAP:
                a.riding[b.number] = a.riding.get(b.number, 0) + 1
                b.riding[a.number] = b.riding.get(a.number, 0) + 1
                a.partner_weight[b.number] = b.sum_p
                b.partner_weight[a.number] = a.sum_p


def _from_presence(presence: Presence, gate: Gate) -> Passage:
    is_counted = not presence.is_onset_censored
    return Passage(
        gate=gate.name,
        onset_us=presence.onset_us,
        offset_us=presence.offset_us,
        direction="unknown" if gate.is_directional else "any",
        is_counted=is_counted,
        drop_reason=None if is_counted else "censored",
        onset_censored=presence.is_onset_censored,
        offset_censored=presence.is_offset_censored,
        score_peak=presence.peak,
        score_mean=presence.mean,
        direction_score=0.0,
        direction_method="none",
        n_samples=presence.n_samples,
        segment_id_onset=presence.segment_onset,
        segment_id_offset=presence.segment_offset,
    )
