"""Cut-out trucks on truck-free roads: what a camera would see if one came by.

A truck is set where another vehicle of the picture is, or of its camera once was,
scaled by that vehicle's height: perspective is known there and nowhere else. What it
hides goes from the labels, what is nearer to the camera stays in front of it.

References
----------
Ghiasi et al., Simple Copy-Paste (https://arxiv.org/abs/2012.07177): random places work,
too; places on the road keep the background a negative where trucks never are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.training.canvas import Draw
from truckcount.training.cut_outs import CutOut
from truckcount.training.label_set import BUS, IGNORE, LIGHT, TRUCK, LabelledPicture

FloatArray = npt.NDArray[np.float32]

# A truck's height to that of a car or van, and to that of a bus, on one road: 2.3 to
# 4.1 m against 1.4 to 2.3 m, and against 3 m.
TIMES_HIGHER = {LIGHT: (1.35, 2.3), BUS: (0.8, 1.2)}
MIN_HEIGHT_PX, MAX_HEIGHT_SHARE = 16.0, 0.7  # of the picture's height
MIN_PLACE_PX = 9.0  # of the other vehicle: lower boxes say little of the scale
MAX_UPSCALE = 1.25  # a blown-up cut-out is blurred as no camera blurs
MAX_HIDING = 0.2  # of the pasted truck, by what stands nearer to the camera
HIDDEN = 0.6  # of another box: from here on it is no longer a label
N_CHOICES = 6  # cut-outs of which the one that is seen from the nearest side is taken
N_TRIES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a vehicle stood: bottom centre and size in shares of the picture."""

    x: float
    bottom: float
    height: float
    aspect: float
    """Width over height in pixels."""
    kind: int


def places_of(pictures: Iterable[LabelledPicture]) -> dict[str, list[Place]]:
    """Gather where cars and buses stood, by camera (the pictures' group)."""
    found: dict[str, list[Place]] = {}
    for picture in pictures:
        own = places_in(picture)
        if own:
            found.setdefault(picture.group, []).extend(own)
    return found


def places_in(picture: LabelledPicture) -> list[Place]:
    """Return where the whole cars and buses of one picture stand."""
    height, width = picture.image.shape[:2]
    found = []
    for box, kind in zip(picture.boxes, picture.classes, strict=True):
        x1, y1, x2, y2 = (float(v) for v in box)
        is_cut = x1 < 2 or y1 < 2 or x2 > width - 2 or y2 > height - 2
        if int(kind) not in TIMES_HIGHER or is_cut or y2 - y1 < MIN_PLACE_PX:
            continue
        found.append(
            Place(
                x=(x1 + x2) / 2 / width,
                bottom=y2 / height,
                height=(y2 - y1) / height,
                aspect=(x2 - x1) / (y2 - y1),
                kind=int(kind),
            )
        )
    return found


def can_take(picture: LabelledPicture) -> bool:
    """Whether a picture shows a road without trucks whose background is trusted.

    Where only main objects are boxed, a truck may stand unboxed, and where trucks
    are unsure nobody knows.
    """
    is_blind = picture.trusted is not None and not len(picture.trusted)
    return not is_blind and not np.isin(picture.classes, (TRUCK, IGNORE)).any()


class PastingDraw:
    """Draws as another does, and pastes a truck on some truck-free pictures.

    Parameters
    ----------
    draw : callable
        Draws the pictures.
    cut_outs : sequence of CutOut
    places : dict
        By group, as :func:`places_of` gives them.
    share : float
        Of the truck-free pictures that can take one.
    """

    def __init__(
        self,
        draw: Draw,
        cut_outs: Sequence[CutOut],
        places: Mapping[str, Sequence[Place]],
        share: float = 0.5,
    ) -> None:
        self._draw = draw
        self._cut_outs = cut_outs
        self._places = places
        self._share = share

    def __call__(self, rng: np.random.Generator) -> LabelledPicture:
        """Draw one picture."""
        picture = self._draw(rng)
        if not self._cut_outs or not can_take(picture) or rng.random() >= self._share:
            return picture
        # some sets hold mirrored pictures under one group: its own come first
        places = places_in(picture) or self._places.get(picture.group, ())
        if not places:
            return picture
        pasted = picture
        for _ in range(1 + int(rng.random() < 0.25)):
            pasted = paste_truck(rng, pasted, self._cut_outs, places)
        return pasted


def paste_truck(
    rng: np.random.Generator,
    picture: LabelledPicture,
    cut_outs: Sequence[CutOut],
    places: Sequence[Place],
) -> LabelledPicture:
    """Return the picture with one truck more, or itself where none fits."""
    height, width = picture.image.shape[:2]
    for _ in range(N_TRIES):
        place = places[int(rng.integers(len(places)))]
        times = float(rng.uniform(*TIMES_HIGHER[place.kind]))
        truck_h = times * place.height * height
        if not MIN_HEIGHT_PX <= truck_h <= MAX_HEIGHT_SHARE * height:
            continue
        one = _choose(rng, cut_outs, place)
        scale = truck_h / one.image.shape[0]
        truck_w = scale * one.image.shape[1]
        if scale > MAX_UPSCALE or truck_w < 6:
            continue
        bottom = place.bottom * height + rng.normal(0, 0.06) * place.height * height
        middle = place.x * width + rng.normal(0, 0.3) * truck_w
        box = np.array(
            [middle - truck_w / 2, bottom - truck_h, middle + truck_w / 2, bottom],
            np.float32,
        ).round()
        if box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
            continue
        # a lower box stands nearer to the camera, and in front
        front = picture.boxes[picture.boxes[:, 3] > box[3]]
        if _shared(front, box).sum() > MAX_HIDING * _area(box):
            continue
        return _blend(rng, picture, one, box, front)
    return picture


def _choose(
    rng: np.random.Generator, cut_outs: Sequence[CutOut], place: Place
) -> CutOut:
    """Choose a truck that is seen from about the side the vehicle was seen from."""
    few = [cut_outs[int(i)] for i in rng.integers(len(cut_outs), size=N_CHOICES)]
    # a truck is longer, and seen from ahead narrower, than a car: 1.1 in the middle
    wanted = np.log(place.aspect * 1.1) + rng.normal(0, 0.15)
    one = min(few, key=lambda c: abs(np.log(c.aspect) - wanted))
    if rng.random() < 0.5:
        return CutOut(one.image[:, ::-1], one.alpha[:, ::-1], one.name)
    return one


def _blend(
    rng: np.random.Generator,
    picture: LabelledPicture,
    one: CutOut,
    box: FloatArray,
    front: FloatArray,
) -> LabelledPicture:
    x1, y1, x2, y2 = (int(v) for v in box)
    size = (x2 - x1, y2 - y1)
    truck = cv2.resize(
        np.ascontiguousarray(one.image), size, interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    alpha = cv2.resize(
        np.ascontiguousarray(one.alpha), size, interpolation=cv2.INTER_AREA
    )
    for fx1, fy1, fx2, fy2 in front:  # what is in front stays whole
        alpha[
            max(0, int(fy1) - y1) : max(0, int(np.ceil(fy2)) - y1),
            max(0, int(fx1) - x1) : max(0, int(np.ceil(fx2)) - x1),
        ] = 0
    image = picture.image.astype(np.float32)
    _shade_ground(rng, image, box, front)
    spot = image[y1:y2, x1:x2]
    truck = _match_light(rng, truck, alpha, spot)
    spot[:] = alpha[:, :, None] * truck + (1 - alpha[:, :, None]) * spot
    covered = _shared(picture.boxes, box) / np.maximum(
        np.array([_area(b) for b in picture.boxes]), 1e-6
    )
    is_kept = (covered <= HIDDEN) | (picture.boxes[:, 3] > box[3])
    return replace(
        picture,
        image=np.clip(np.rint(image), 0, 255).astype(np.uint8),
        boxes=np.concatenate([picture.boxes[is_kept], box[None]]),
        classes=np.append(picture.classes[is_kept], TRUCK),
        name=f"{picture.name}+{one.name}",
    )


def _match_light(
    rng: np.random.Generator, truck: FloatArray, alpha: FloatArray, spot: FloatArray
) -> FloatArray:
    """Bring a truck's light half-way to that of the place: paint differs, light not."""
    weight = alpha[:, :, None] + 1e-6
    own = (truck * weight).sum((0, 1)) / weight.sum((0, 1))
    there = spot.mean((0, 1))
    grey_gain = (there.mean() + 20) / (own.mean() + 20)
    tint = (there / max(float(there.mean()), 1.0)) ** 0.5  # a camera's cast, by half
    gain = grey_gain ** rng.uniform(0.3, 0.8) * tint
    return np.asarray(np.clip(truck * np.clip(gain, 0.35, 1.8), 0, 255), np.float32)


def _shade_ground(
    rng: np.random.Generator, image: FloatArray, box: FloatArray, front: FloatArray
) -> None:
    """Darken the ground under a truck, in place: without it, it floats."""
    x1, y1, x2, y2 = box
    width, height = float(x2 - x1), float(y2 - y1)
    shade = np.zeros(image.shape[:2], np.float32)
    centre = (round(float(x1 + x2) / 2), round(float(y2) - 0.02 * height))
    axes = (max(1, round(0.52 * width)), max(1, round(0.09 * height)))
    cv2.ellipse(shade, centre, axes, 0, 0, 360, 1.0, cv2.FILLED)
    shade = cv2.GaussianBlur(shade, (0, 0), max(0.8, 0.03 * height))
    for fx1, fy1, fx2, fy2 in front:
        shade[int(fy1) : int(np.ceil(fy2)), int(fx1) : int(np.ceil(fx2))] = 0
    image *= 1 - rng.uniform(0.2, 0.55) * shade[:, :, None]


def _shared(boxes: FloatArray, box: FloatArray) -> FloatArray:
    """Return the area each of the boxes shares with one, square pixels."""
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, 2:], box[2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=1), np.float32)


def _area(box: FloatArray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
