"""New ratios against stored ones: a regression is a ratio, never a second."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from truckcount.benching.contestants import FLOOR, OURS

MARGIN = 0.25  # ratios of one run on a loaded machine differ by a tenth or two


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One ratio of ours beside the stored one."""

    clip: str
    name: str
    stored: float
    now: float
    limit: float

    @property
    def is_worse(self) -> bool:
        """Whether it is above what the margin allows."""
        return self.now > self.limit


def check_ratios(
    now: dict[str, Any], stored: dict[str, Any], margin: float = MARGIN
) -> list[Verdict]:
    """Compare our ratios on the clips that both reports hold.

    Those of another command, as with other weights, or over another floor are none.

    Parameters
    ----------
    now, stored : dict
        Reports of ``truckcount bench``.
    margin : float
        Share by which a median may be above the stored one.
    """
    before = _our_ratios(stored)
    return [
        Verdict(
            clip=key.clip,
            name=key.name,
            stored=before[key],
            now=ratio,
            limit=before[key] * (1 + margin),
        )
        for key, ratio in _our_ratios(now).items()
        if key in before
    ]


class _Key(NamedTuple):
    """What two reports must have in common for a ratio to be of one thing."""

    clip: str
    name: str
    title: str | None
    floor: str | None


def _our_ratios(report: dict[str, Any]) -> dict[_Key, float]:
    found = {}
    for clip in report["clips"]:
        rows = clip["contestants"]
        floor = rows.get(FLOOR, {}).get("title")
        for name, row in rows.items():
            if name.startswith(OURS) and row.get("ratio") is not None:
                key = _Key(clip["clip"], name, row.get("title"), floor)
                found[key] = row["ratio"]["median"]
    return found
