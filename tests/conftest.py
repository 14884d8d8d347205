"""Clips made on the spot, and a guard: no test may log an error unasked."""

import logging
import signal
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import settings

# a loaded machine is no fault of the code: properties have no deadline
settings.register_profile("truckcount", deadline=None)
settings.load_profile("truckcount")

# a shell that starts tests in the background makes them and their children deaf to it
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    errors = [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors, [r.getMessage() for r in errors]


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine wait for minutes."""
    import torch  # most tests do without the seconds that it takes to load

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shared_clips() -> Path:
    """The real clips; the test is skipped where they are not."""
    folder = SHARED / "clips"
    if not folder.is_dir():
        pytest.skip("../shared/data is not here: real footage cannot be measured")
    return folder


def picture(k: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A grey road with a bright box that moves 3 px a frame, and some noise."""
    rng = np.random.default_rng(k)
    image = np.full((height, width, 3), 90, np.uint8)
    image[: height // 3] = (150, 170, 200)
    x = (3 * k) % max(width - 30, 1)
    image[height // 2 : height // 2 + 20, x : x + 30] = (220, 40, 40)
    return (image + rng.integers(0, 6, image.shape)).astype(np.uint8)


def write_clip(
    path: Path,
    n_frames: int = 50,
    *,
    fps: int = 25,
    size: tuple[int, int] = (160, 96),
    codec: str = "libx264",
    pts: Callable[[int], int] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    metadata: dict[str, str] | None = None,
    image: Callable[[int], np.ndarray] | None = None,
) -> Path:
    """Write a clip; ``pts`` gives each frame's time in ``time_base``."""
    with av.open(str(path), "w") as file:
        file.metadata.update(metadata or {})
        stream = file.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.options = options if options is not None else {"crf": "20", "g": "25"}
        if time_base is not None:
            stream.codec_context.time_base = time_base
        for k in range(n_frames):
            source = picture(k, *size) if image is None else image(k)
            frame = av.VideoFrame.from_ndarray(source, format="rgb24")
            frame.pts = k if pts is None else pts(k)
            frame.time_base = time_base if time_base is not None else Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path
