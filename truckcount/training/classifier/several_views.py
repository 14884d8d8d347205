"""Why a frame of several views teaches no classifier, in words."""

from collections.abc import Sequence

from truckcount.domain.sample import ViewRect
from truckcount.errors import LabelError


class SeveralViewsError(LabelError):
    """A frame's label would be of several views, each of which a run scores."""


def tell_several_views(camera: str, rects: Sequence[ViewRect]) -> str:
    """Say what a camera's views are, and what to do.

    Parameters
    ----------
    rects : sequence of ViewRect
        Two at least.
    """
    gates = sorted({rect.gate for rect in rects})
    seen = (
        f"gate {gates[0]!r} is so wide that it is seen in {len(rects)} views"
        if len(gates) == 1
        else f"gates {', '.join(gates)} are seen in {len(rects)} views"
    )
    return (
        f"camera {camera}: its {seen}, which a run scores apart, and a frame's label "
        "does not say in which a truck is; use --from truckmap, which learns from all "
        "views at once, or label single views (`truckcount label sample --views`) and "
        "train without --cameras"
    )
