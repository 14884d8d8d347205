"""A live camera over RTSP on loopback; its red box is a truck to the red model."""

import time
from functools import cache

from tests.pipeline.red_box import BOX_PX, SIZE
from tests.video.rtsp_server import RtspCamera, encode_film, red_film

FPS = 10
PATIENCE_S = 600.0  # a loaded machine is no fault of the code


@cache
def red_units():
    """Encode the film once a session: one box each 6 s, seamless when looped."""
    return encode_film(red_film(FPS, SIZE, BOX_PX), 6 * FPS, FPS, SIZE)


def open_camera(units=None, **told):
    """Open a camera; whoever does closes it."""
    return RtspCamera(red_units() if units is None else units, FPS, **told)


def until(condition, step=lambda: None):
    """Wait for a condition, taking a step before each new look."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        step()
        time.sleep(0.05)
