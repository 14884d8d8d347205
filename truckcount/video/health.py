"""Views to whether the picture can be counted from: frozen, dark, covered, moved.

Every test is made to be silent on a quiet night: a false alarm costs coverage,
a missed one at worst a wrong hour that the other columns show.
"""

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.sample import (
    FLAG_DARK,
    FLAG_FROZEN,
    FLAG_MOVED,
    FLAG_OCCLUDED,
)

SMALL = (80, 48)  # pixels, width and height of the picture that is judged
FROZEN_AFTER_S = 10.0
BLACK_LEVEL, BLACK_SPREAD = 12.0, 4.0  # of 255: sensor noise alone stays under it
WHITE_LEVEL = 243.0
DETAIL_SHARE = 0.12  # of the usual detail: fog leaves more, a cover or defocus less
DETAIL_FLOOR = 2.0
OCCLUDED_AFTER_S = 3.0
MOVED_SHARE = 0.06  # of the view's width
MOVED_RESPONSE = 0.25  # of phase correlation; traffic moves a part, not the whole
MOVED_AFTER_S = 5.0
REGISTER_EVERY_S = 0.5  # finding a shift costs as much as all other tests together
BACKGROUND_S = 20.0
WARM_UP_S = 10.0

FloatImage = npt.NDArray[np.float32]


class PictureHealth:
    """Judges one view of a camera sample by sample.

    A flag holds from the moment it is known: the seconds that it took to know
    stay usable, which errs by at most ``FROZEN_AFTER_S``.
    """

    def __init__(self) -> None:
        self._last: npt.NDArray[np.uint8] | None = None
        self._same_since_us: int | None = None
        self._first_us: int | None = None
        self._prior_us = 0
        self._detail: float | None = None
        self._dull_since_us: int | None = None
        self._background: FloatImage | None = None
        self._shifted_since_us: int | None = None
        self._registered_us = 0
        self._is_moved = False
        self._window: FloatImage | None = None

    def process(self, t_us: int, view: npt.NDArray[np.uint8]) -> int:
        """Return the ``FLAG_`` bits of this sample.

        Parameters
        ----------
        view : uint8 array, shape (H, W, 3), RGB
        """
        if self._first_us is None:
            self._first_us = self._prior_us = t_us
        grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
        flags = self._check_frozen(t_us, grey)
        # small: sensor noise is averaged away, the scene's own detail stays
        small = cv2.resize(grey.astype(np.float32), SMALL, interpolation=cv2.INTER_AREA)
        level, spread = float(small.mean()), float(small.std())
        if (level < BLACK_LEVEL and spread < BLACK_SPREAD) or level > WHITE_LEVEL:
            self._prior_us = t_us
            return flags | FLAG_DARK
        flags |= self._check_detail(t_us, small)
        if self._dull_since_us is None:  # a covered lens shows nothing to register
            flags |= FLAG_MOVED if self._check_moved(t_us, small) else 0
        self._prior_us = t_us
        return flags

    def _check_frozen(self, t_us: int, grey: npt.NDArray[np.uint8]) -> int:
        # exactly equal: even a still night has sensor noise, a stuck encoder none
        is_same = self._last is not None and np.array_equal(self._last, grey)
        self._last = grey
        if not is_same:
            self._same_since_us = None
            return 0
        if self._same_since_us is None:
            self._same_since_us = self._prior_us
        return FLAG_FROZEN if t_us - self._same_since_us > FROZEN_AFTER_S * 1e6 else 0

    def _check_detail(self, t_us: int, small: FloatImage) -> int:
        detail = float(np.abs(cv2.Laplacian(small, cv2.CV_32F)).mean())
        if self._detail is None:
            self._detail = detail
            return 0
        is_dull = detail < DETAIL_SHARE * self._detail and detail < DETAIL_FLOOR
        if not is_dull:
            self._dull_since_us = None
            share = min(1.0, (t_us - self._prior_us) / 1e6 / BACKGROUND_S)
            self._detail += share * (detail - self._detail)
            return 0
        if self._dull_since_us is None:
            self._dull_since_us = t_us
        is_long = t_us - self._dull_since_us > OCCLUDED_AFTER_S * 1e6
        return FLAG_OCCLUDED if is_long else 0

    def _check_moved(self, t_us: int, small: FloatImage) -> bool:
        """Tell whether the camera points elsewhere, by its newest registration."""
        if self._background is None or self._window is None:
            self._background, self._registered_us = small, t_us
            self._window = cv2.createHanningWindow(SMALL, cv2.CV_32F)
            return False
        # one that is shifted is looked at each time: it may have come back
        since_us = t_us - self._registered_us
        is_due = since_us >= REGISTER_EVERY_S * 1e6
        if is_due or self._shifted_since_us is not None:
            self._registered_us = t_us
            self._is_moved = self._register(
                t_us, since_us, small, self._background, self._window
            )
        return self._is_moved

    def _register(
        self,
        t_us: int,
        since_us: int,
        small: FloatImage,
        background: FloatImage,
        window: FloatImage,
    ) -> bool:
        """Compare with the background, and blend into it what is no shift."""
        # copies: OpenCV 5 multiplies its inputs by the window where they lie
        (dx, dy), response = cv2.phaseCorrelate(background.copy(), small.copy(), window)
        limit = MOVED_SHARE * SMALL[0]
        is_shifted = response > MOVED_RESPONSE and max(abs(dx), abs(dy)) > limit
        is_warm = t_us - (self._first_us or 0) > WARM_UP_S * 1e6
        if not is_shifted:
            self._shifted_since_us = None
            share = min(0.5, since_us / 1e6 / BACKGROUND_S)
            self._background = background + share * (small - background)
            return False
        if not is_warm:
            return False
        if self._shifted_since_us is None:
            self._shifted_since_us = t_us
        return t_us - self._shifted_since_us > MOVED_AFTER_S * 1e6
