"""Gates so flat that they are seen in tiles, with what that does to counts."""

from dataclasses import dataclass

from truckcount.domain.camera import Camera, Gate
from truckcount.presence.views import GROWTH, TILE_ASPECT, plan_views

USUAL_SIZE = (1920, 1080)
"""Of a picture that was not looked at: most cameras have its shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatGate:
    """A gate that the network sees in several tiles side by side."""

    camera: str
    gate: str
    aspect: float
    """Width over height in pixels, margin and all."""
    n_tiles: int
    tile_width: float
    """Of the picture's width."""

    def explain(self) -> str:
        """Say in plain words what it does, and what to do."""
        return (
            f"{self.camera}/{self.gate} is, with the margin around it, "
            f"{self.aspect:.1f} times as wide as high and is seen in {self.n_tiles} "
            f"tiles: a truck longer than one, {self.tile_width:.2f} of the picture's "
            "width, may count more than once. If trucks are so long there, draw "
            f"the gate higher (at most {TILE_ASPECT} times as wide as high) or narrower"
        )


def find_flat_gates(
    camera: Camera, picture_size: tuple[int, int] = USUAL_SIZE
) -> list[FlatGate]:
    """Return the gates of a camera that are seen in tiles.

    Parameters
    ----------
    picture_size : (width, height)
        Displayed size of its picture, pixels: what is wide depends on it.
    """
    found = []
    for gate in camera.gates:
        views = plan_views([gate], picture_size)
        if len(views) > 1:
            found.append(
                FlatGate(
                    camera=camera.name,
                    gate=gate.name,
                    aspect=_aspect(gate, picture_size),
                    n_tiles=len(views),
                    tile_width=min(view.x1 - view.x0 for view in views),
                )
            )
    return found


def _aspect(gate: Gate, picture_size: tuple[int, int]) -> float:
    x0, y0, x1, y1 = gate.bounds
    width, height = _grow(x0, x1), _grow(y0, y1)
    return width * picture_size[0] / (height * picture_size[1])


def _grow(low: float, high: float) -> float:
    """Return the length of a side with its margin, which ends with the picture."""
    margin = (GROWTH - 1) / 2 * (high - low)
    return min(1.0, high + margin) - max(0.0, low - margin)
