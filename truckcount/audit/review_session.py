"""One labeller's round through the clips: what is next, what was said, undo."""

import hashlib
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from truckcount.audit.answers import Answer, retract_answer, save_answers
from truckcount.audit.clips import read_index
from truckcount.domain.audit import SECOND_ROUND, AuditWindow
from truckcount.domain.camera import Camera
from truckcount.errors import CalibrationError
from truckcount.store import Store
from truckcount.store.audits_table import read_audits

SECOND_SHARE = 0.10  # of each audit is labelled twice; features.md 5.1


class ReviewSession:
    """The clips of one round, in an order that tells nothing.

    Parameters
    ----------
    folder : Path
        Where ``audit plan`` cut the clips.
    label_round : int
        1 labels what nobody has labelled, 2 shows a tenth to a second person, 3
        what those two disagree on.
    cameras : sequence of Camera
        Whose gates are drawn over the picture; may be empty.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        labeller: str,
        label_round: int = 1,
        cameras: Sequence[Camera] = (),
    ) -> None:
        self._store, self._folder = store, folder
        self._labeller, self._round = labeller, label_round
        self._index = read_index(folder)
        self._gates = {(c.name, g.name): g for c in cameras for g in c.gates}
        self._given: list[Answer] = []
        self._lock = threading.Lock()
        rows = read_audits(store.root)
        due = _due(rows, label_round, labeller)
        self._windows = sorted(
            (w for w in due if w.clip in self._index), key=lambda w: w.clip
        )
        self.n_without_clip = len(due) - len(self._windows)
        if not self._windows:
            msg = (
                f"nothing to label in round {label_round}: {len(due)} windows are due "
                f"and none of them has a clip in {folder}; `truckcount audit plan` "
                "draws and cuts them, and --clips names another folder"
            )
            raise CalibrationError(msg)

    def state(self) -> dict[str, Any]:
        """Return all the page shows: never what the machine counted."""
        said = {
            row.clip: row.y_human
            for row in read_audits(self._store.root)
            if row.label_round == self._round and row.labeller == self._labeller
        }
        return {
            "labeller": self._labeller,
            "round": self._round,
            "can_undo": bool(self._given),
            "items": [self._item(w, said.get(w.clip)) for w in self._windows],
        }

    def answer(self, clip: str, count: int) -> None:
        """Save one answer: when this returns, it is on disk."""
        with self._lock:
            answer = Answer(
                clip=clip,
                count=count,
                labeller=self._labeller,
                label_round=self._round,
            )
            if clip not in {w.clip for w in self._windows}:
                msg = f"clip {clip!r} is not of this round"
                raise CalibrationError(msg)
            if save_answers(self._store, [answer]):
                self._given.append(answer)

    def undo(self) -> str | None:
        """Take back the newest answer of this session; return its clip."""
        with self._lock:
            if not self._given:
                return None
            answer = self._given.pop()
            retract_answer(self._store, answer)
            return answer.clip

    def clip_path(self, clip: str) -> Path | None:
        """Return a clip's file, if it is of this round."""
        if clip not in {w.clip for w in self._windows}:
            return None
        return self._folder / str(self._index[clip]["file"])

    def _item(self, window: AuditWindow, count: int | None) -> dict[str, Any]:
        entry = self._index[window.clip]
        gate = self._gates.get((window.camera, window.gate))
        arrow = None if gate is None else gate.in_vector
        if arrow is not None and window.direction == "out":
            arrow = (-arrow[0], -arrow[1])
        return {
            "clip": window.clip,
            "direction": window.direction,
            "lead_s": entry["lead_s"],
            "length_s": entry["length_s"],
            "polygon": None if gate is None else gate.polygon,
            "arrow": arrow,
            "count": count,
        }


def _due(
    rows: Sequence[AuditWindow], label_round: int, labeller: str
) -> list[AuditWindow]:
    """Return the windows that a round shows, its answered ones among them."""
    rounds: dict[tuple[str, int], dict[int, AuditWindow]] = {}
    for row in rows:
        rounds.setdefault(row.key, {})[row.label_round] = row
    if label_round == 1:
        return [
            r.get(0, r.get(1, next(iter(r.values()))))
            for r in rounds.values()
            if 0 in r or (r[1].labeller == labeller and max(r) == 1)
        ]
    if label_round == SECOND_ROUND:
        chosen = _second_share([r[1] for r in rounds.values() if 1 in r])
        return [w for w in chosen if w.labeller != labeller]
    return [
        r[1]
        for r in rounds.values()
        if {1, SECOND_ROUND} <= r.keys() and r[1].y_human != r[SECOND_ROUND].y_human
    ]


def _second_share(windows: Sequence[AuditWindow]) -> list[AuditWindow]:
    """Choose a tenth of each audit by hash: the same each time, at least one."""
    chosen = []
    for audit_id in sorted({w.audit_id for w in windows}):
        own = [w for w in windows if w.audit_id == audit_id]
        own.sort(key=lambda w: hashlib.sha256(f"second|{w.clip}".encode()).hexdigest())
        chosen += own[: math.ceil(SECOND_SHARE * len(own))]
    return chosen
