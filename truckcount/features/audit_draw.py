"""A sampling frame to drawn windows whose inclusion probabilities are known."""

import hashlib
from collections.abc import Sequence

import numpy as np

from truckcount.domain.audit import AuditWindow
from truckcount.errors import CalibrationError
from truckcount.features.audit_frame import Frame, FrameWindow

STRATA = ("0", "1-3", "4+")
MIN_WINDOWS_TO_SPLIT = 200  # of day and of night each; features.md 5.1
MIN_DRAWN = 2  # one window gives no error


def stratum_of(x: int) -> int:
    """Return the number of the stratum of a machine count."""
    return 0 if x == 0 else 1 if x <= 3 else 2


def draw_windows(
    frame: Frame,
    per_stratum: Sequence[int],
    *,
    seed: int,
    now_us: int,
    purpose: str = "calibrate",
) -> list[AuditWindow]:
    """Draw without replacement within each stratum; the same seed draws the same.

    Parameters
    ----------
    per_stratum : three int
        Windows to draw where the machine counted 0, 1-3 and 4 or more. A stratum
        that has fewer is taken whole.
    purpose : {"calibrate", "drift"}
        ``drift`` windows are watched one by one, so one of a stratum will do.

    Raises
    ------
    CalibrationError
        When a stratum that has windows would be skipped: a window that cannot be
        drawn (pi = 0) leaves the estimate without a base, and the windows where the
        machine saw nothing are the only place where misses are seen.
    """
    least = MIN_DRAWN if purpose == "calibrate" else 1
    _check_sizes(frame, per_stratum, least)
    sizes = ",".join(map(str, per_stratum))
    text = f"{frame.sha}|{seed}|{sizes}|{purpose}"
    audit_id = hashlib.sha256(text.encode()).hexdigest()[:12]
    rng = np.random.default_rng([seed, int(frame.sha, 16)])
    drawn = []
    for name, members, n in _strata(frame, per_stratum, least):
        chosen = rng.choice(len(members), n, replace=False)
        x_total = sum(w.x for w in members)
        drawn += [
            AuditWindow(
                audit_id=audit_id,
                camera=frame.camera,
                gate=frame.gate,
                direction=frame.direction,
                purpose=purpose,
                stratum=name,
                window_start_us=members[i].start_us,
                window_end_us=members[i].end_us,
                pi=n / len(members),
                n_frame=len(frame.windows),
                n_stratum=len(members),
                n_drawn=n,
                x_stratum=x_total,
                seed=seed,
                frame_sha=frame.sha,
                x_machine=members[i].x,
                y_human=None,
                labeller=None,
                label_round=0,
                model_id=frame.model_id,
                config_hash=frame.config_hash,
                drawn_at_us=now_us,
                known_at_us=now_us,
            )
            for i in sorted(chosen.tolist())
        ]
    return drawn


def _check_sizes(frame: Frame, per_stratum: Sequence[int], least: int) -> None:
    where = f"{frame.camera}/{frame.gate}/{frame.direction}"
    if len(per_stratum) != len(STRATA):
        msg = f"--per-stratum needs {len(STRATA)} numbers, got {list(per_stratum)}"
        raise CalibrationError(msg)
    if not frame.windows:
        msg = f"{where}: no window was fully watched, so none can be drawn"
        raise CalibrationError(msg)
    counts = np.bincount([stratum_of(w.x) for w in frame.windows], minlength=3)
    for name, n, have in zip(STRATA, per_stratum, counts.tolist(), strict=True):
        if n < min(least, have):
            what = (
                "it is the only place where misses are seen"
                if name == "0"
                else "what cannot be drawn (pi = 0) leaves no unbiased estimate"
            )
            msg = (
                f"{where}: {n} windows of stratum {name} ({have} windows) are too few: "
                f"{what}; draw {least} or more"
            )
            raise CalibrationError(msg)


def _strata(
    frame: Frame, per_stratum: Sequence[int], least: int
) -> list[tuple[str, list[FrameWindow], int]]:
    """Return (name, windows, n to draw), day and night apart where both are large."""
    is_day = [w.regime == "day" for w in frame.windows]
    is_split = min(sum(is_day), len(is_day) - sum(is_day)) >= MIN_WINDOWS_TO_SPLIT
    found = []
    for k, (name, n) in enumerate(zip(STRATA, per_stratum, strict=True)):
        members = [w for w in frame.windows if stratum_of(w.x) == k]
        parts = {"": members}
        if is_split:
            parts = {
                f"{regime}:": [w for w in members if w.regime == regime]
                for regime in ("day", "night")
            }
        for prefix, part in parts.items():
            if part:
                share = round(n * len(part) / len(members))
                size = min(len(part), max(least, share))
                found.append((f"{prefix}{name}", part, size))
    return found
