"""New ratios against stored ones: a regression is a ratio, never a second."""

from dataclasses import dataclass
from typing import Any

from truckcount.benching.contestants import OURS

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
            clip=clip,
            name=name,
            stored=before[clip, name],
            now=ratio,
            limit=before[clip, name] * (1 + margin),
        )
        for (clip, name), ratio in _our_ratios(now).items()
        if (clip, name) in before
    ]


def _our_ratios(report: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {
        (clip["clip"], name): row["ratio"]["median"]
        for clip in report["clips"]
        for name, row in clip["contestants"].items()
        if name.startswith(OURS) and row.get("ratio") is not None
    }
