"""Scores of one gate to passages: a fold over samples."""

import bisect
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.counting.association import associate
from truckcount.counting.debounce import Debouncer, Presence
from truckcount.counting.judgement import judge_track
from truckcount.counting.options import CountingOptions
from truckcount.counting.sightings import Sightings
from truckcount.counting.track import VELOCITY_OBS, Observation, Track, overlap
from truckcount.domain.camera import Gate
from truckcount.domain.passage import Passage
from truckcount.domain.scores import Scores, select_scores
from truckcount.errors import CountingError

RIDE_OVERLAP = 0.3  # of the smaller box, in one sample, to count as riding
PIECE = 16_384  # samples whose peaks are looked at at once: an hour of them

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


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
        self._fill_us = math.floor(options.fill_s * 1e6)
        self._stand_fill_us = max(self._fill_us, math.floor(options.stand_fill_s * 1e6))

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
        done: list[Passage] = []
        for at in range(0, len(scores), PIECE):
            done += self._process_piece(scores[at : at + PIECE])
        return done

    def _process_piece(self, scores: Scores) -> list[Passage]:
        is_usable = scores.quality_flags == 0
        if not is_usable.all():
            scores = select_scores(scores, is_usable)
        if not len(scores):
            return []
        first_us = int(scores.t_us[0])
        if self._last_us is not None and first_us <= self._last_us:
            msg = (
                f"gate {self._gate.name!r}: scores at {first_us} us come after "
                f"{self._last_us} us were counted; sort them by time"
            )
            raise CountingError(msg)
        before = -(2**62) if self._last_us is None else self._last_us
        is_gap = np.diff(scores.t_us, prepend=before) > self._options.seam_s * 1e6
        follow = self._follow if self._has_peaks else self._debounce
        done = follow(scores, is_gap)
        self._last_us = int(scores.t_us[-1])
        self._debouncer.skip_to(self._last_us)
        return done

    def finish(self) -> list[Passage]:
        """End all tracks as at the end of coverage."""
        return self._end_watch()

    def _debounce(self, scores: Scores, is_gap: BoolArray) -> list[Passage]:
        """Take the presence scores of usable samples."""
        is_active = scores.score_u8 >= self._options.off_score * 255
        events = np.flatnonzero(is_gap | is_active)
        done: list[Passage] = []
        k = 0
        while k < len(scores):
            if self._debouncer.is_idle:  # quiet samples change nothing: leap over them
                at = int(np.searchsorted(events, k))
                if at == len(events):
                    break
                k = int(events[at])
                if k:
                    self._debouncer.skip_to(int(scores.t_us[k - 1]))
            t_us = int(scores.t_us[k])
            if is_gap[k]:
                done += self._end_watch()
                self._watch_start_us = t_us
            score = float(scores.score_u8[k]) / 255
            segment = scores.segment_ids[scores.segment[k]]
            found = self._debouncer.process(t_us, score, segment)
            done += [_from_presence(p, self._gate) for p in found]
            k += 1
        return done

    def _follow(self, scores: Scores, is_gap: BoolArray) -> list[Passage]:
        """Take the peaks of usable samples.

        Samples without any are leapt over: all that happens in them is that a track
        ends, and when it does is known beforehand. So are those in which one track
        goes on that is alone.
        """
        times = scores.t_us
        sightings = Sightings(scores, is_gap, self._gate, self._options, self._aspect)
        is_event = is_gap | sightings.is_strong
        events = np.flatnonzero(is_event).tolist()
        looked_at = np.flatnonzero(is_event | sightings.is_any).tolist()
        done: list[Passage] = []
        k = n_alone = 0
        while True:
            # where nobody is followed, weak peaks change nothing either
            rows = looked_at if self._tracks else events
            at = bisect.bisect_left(rows, k)
            if at == len(rows):
                break
            before, k = k, rows[at]
            if self._tracks and before < k:
                done += self._expire_within(times[before:k])
            t_us = int(times[k])
            if is_gap[k]:
                done += self._end_watch()
                self._watch_start_us = t_us
            seen = sightings.observe(k)
            done += self._take(seen, t_us)
            is_alone = self._is_alone(seen)
            n_alone = min(n_alone + 1, self._tracks[0].n_obs) if is_alone else 0
            if is_alone and n_alone >= min(self._tracks[0].n_obs, VELOCITY_OBS):
                more, k = sightings.observe_lone(k, n_alone)
                self._tracks[0].extend(more)
                n_alone += len(more)
            k += 1
        return done + self._expire_within(times[k:])

    def _is_alone(self, seen: list[Observation]) -> bool:
        """Tell whether all that was seen is the only track's."""
        return (
            len(seen) == 1
            and len(self._tracks) == 1
            and self._tracks[0].obs[-1] is seen[0]
        )

    def _take(self, seen: list[Observation], t_us: int) -> list[Passage]:
        done = self._expire(t_us)
        pairs = associate(self._tracks, seen, t_us, self._options)
        current: list[Track] = []
        for track_index, seen_index in pairs:
            self._tracks[track_index].add(seen[seen_index])
            current.append(self._tracks[track_index])
        if len(pairs) < len(seen):
            taken = {j for _, j in pairs}
            floor = self._options.off_score
            for j, peak in enumerate(seen):
                if j not in taken and peak.p >= floor:
                    self._n_born += 1
                    self._tracks.append(Track(number=self._n_born, obs=[peak]))
                    current.append(self._tracks[-1])
        _note_rides(current)
        return done

    def _expire(self, t_us: int) -> list[Passage]:
        """End the tracks that were not seen for too long before a sample."""
        if not self._may_expire(t_us):
            return []
        kept, done = [], []
        for track in self._tracks:
            if t_us > self._last_chance_us(track):
                done += self._judge(track, is_cut=False)
            else:
                kept.append(track)
        self._tracks = kept
        return done

    def _expire_within(self, times: Int64Array) -> list[Passage]:
        """End tracks over samples in which nothing is seen."""
        done = []
        while len(times) and self._may_expire(int(times[-1])):
            end_us = min([self._last_chance_us(track) for track in self._tracks])
            times = times[np.searchsorted(times, end_us, "right") :]
            if len(times):
                done += self._expire(int(times[0]))
        return done

    def _may_expire(self, t_us: int) -> bool:
        return any(t_us - track.obs[-1].t_us > self._fill_us for track in self._tracks)

    def _last_chance_us(self, track: Track) -> int:
        """Return when a track must be seen again not to end."""
        return track.obs[-1].t_us + (
            self._stand_fill_us if track.is_standing else self._fill_us
        )

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
