"""A window of video that a person counts to check the machine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

SECOND_ROUND = 2  # a label by a second person; the third settles


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWindow:
    """One drawn window and, once given, one person's answer."""

    audit_id: str
    camera: str
    gate: str
    direction: str
    purpose: str
    """``calibrate``, or ``drift`` for the few fresh windows of a week."""
    stratum: str
    """``0``, ``1-3`` or ``4+`` by the machine's count, with ``day:`` or ``night:``
    before it where both are large."""
    window_start_us: int
    window_end_us: int
    pi: float
    """Probability of being drawn, n_drawn / n_stratum, fixed at the draw."""
    n_frame: int
    """Windows of the frame; the strata's must add up to it."""
    n_stratum: int
    n_drawn: int
    x_stratum: int
    """Trucks that the machine counted in all windows of the stratum."""
    seed: int
    frame_sha: str
    """Hash of all windows that could have been drawn, with their counts."""
    x_machine: int
    y_human: int | None
    fp: int | None = None
    fn: int | None = None
    labeller: str | None
    label_round: int
    """0 before an answer, 1 the first label, 2 a second person's, 3 on: settled."""
    model_id: str
    config_hash: str
    drawn_at_us: int
    known_at_us: int

    @property
    def key(self) -> tuple[str, int]:
        """Audit and window: what several rounds of labels share."""
        return (self.audit_id, self.window_start_us)

    @property
    def clip(self) -> str:
        """Name for labellers: it tells nothing of camera, time or count."""
        text = f"{self.audit_id}|{self.window_start_us}"
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def latest_labels(rows: Sequence[AuditWindow]) -> list[AuditWindow]:
    """Return each window with its highest round: the one that counts."""
    latest: dict[tuple[str, int], AuditWindow] = {}
    for row in rows:
        before = latest.get(row.key)
        if before is None or row.label_round > before.label_round:
            latest[row.key] = row
    return [latest[key] for key in sorted(latest)]
