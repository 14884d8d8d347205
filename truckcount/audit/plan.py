"""A store's sampling frames to drawn windows in its audits table."""

from collections.abc import Sequence
from functools import partial

from truckcount.audit.answers import known_at
from truckcount.domain.audit import AuditWindow
from truckcount.errors import CalibrationError
from truckcount.features.audit_draw import draw_windows
from truckcount.features.audit_frame import build_frames, latest_month, month_span
from truckcount.store import Store
from truckcount.store.audits_table import change_audits


def plan_audits(
    store: Store,
    *,
    per_stratum: Sequence[int],
    window_s: int | None,
    seed: int,
    cameras: Sequence[str] = (),
    direction: str | None = None,
    month: str | None = None,
    purpose: str = "calibrate",
    now_us: int | None = None,
) -> list[AuditWindow]:
    """Draw windows for every gate and direction and write them to the audits table.

    Parameters
    ----------
    cameras : sequence of str
        All of the store's by default.
    direction : str, optional
        Only this one; by default every direction that a person can tell.
    month : str, optional
        ``2026-03``, UTC; by default each camera's newest month.

    Returns
    -------
    list of AuditWindow
        The windows drawn. The same call again draws, and changes, the same.
    """
    drawn: list[AuditWindow] = []
    for camera in cameras or store.cameras():
        span = month_span(month or latest_month(store.root, camera))
        own = [
            window
            for frame in build_frames(store, camera, span, window_s)
            if direction in (None, frame.direction)
            for window in draw_windows(
                frame,
                per_stratum,
                seed=seed,
                now_us=known_at(now_us),
                purpose=purpose,
            )
        ]
        if own:
            change_audits(store.root, camera, partial(_add, own))
        drawn += own
    if not drawn:
        msg = (
            f"{store.root}: no window of {window_s or 'any'} s was fully watched in "
            f"{month or 'the newest month'}; try a shorter --window, or `--window file`"
        )
        raise CalibrationError(msg)
    return drawn


def _add(new: list[AuditWindow], rows: list[AuditWindow]) -> list[AuditWindow]:
    known = {row.audit_id for row in rows}
    return rows + [row for row in new if row.audit_id not in known]
