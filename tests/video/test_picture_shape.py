"""Pictures with pixels that are not square: what is shown is what is counted."""

from fractions import Fraction

import numpy as np
import pytest

from tests.conftest import picture, write_clip
from truckcount.domain.sample import ViewRect
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.video import find_sources, open_decoder, probe_video
from truckcount.video.excerpt import Stretch, cut_excerpt
from truckcount.video.frames import iterate_frames, read_frame_at
from truckcount.video.picture_shape import check_aspect, displayed_size, show_picture

WHOLE = ViewRect(gate="g", x0=0, y0=0, x1=1, y1=1, width_px=64, height_px=64)
STORED = (160, 96)


def squeezed(path, aspect):
    options = {"crf": "20", "g": "25", "aspect": aspect}
    (source,) = find_sources([str(write_clip(path, 10, size=STORED, options=options))])
    return source


@pytest.mark.parametrize(
    ("aspect", "size"),
    [("2/1", (320, 96)), ("1/2", (160, 192)), ("64/45", (228, 96)), ("1/200", STORED)],
)
@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_a_squeezed_picture_has_the_size_it_is_shown_in(
    tmp_path, aspect, size, backend
):
    source = squeezed(tmp_path / "clip.mp4", aspect)
    probe = probe_video(source)
    assert (probe.width, probe.height) == size
    decoder = open_decoder(source, [WHOLE], start_us=0, sample_fps=5, backend=backend)
    assert len(list(decoder)) == 2
    assert (decoder.report.width, decoder.report.height) == size
    assert read_frame_at(source, 0).shape == (size[1], size[0], 3)


def test_frames_can_be_had_as_they_are_stored(tmp_path):
    source = squeezed(tmp_path / "clip.mp4", "2/1")
    _, image = next(iterate_frames(source, is_squared=False))
    assert image.shape == (96, 160, 3)


def test_a_gate_in_pixels_is_measured_on_the_shown_picture(tmp_path):
    source = squeezed(tmp_path / "clip.mp4", "2/1")
    options = RunOptions(gate="0,0 320,0 320,96 160,96")
    (gate,) = open_book(options, [source.path]).camera_for(source.path).gates
    assert gate.polygon == ((0, 0), (1, 0), (1, 1), (0.5, 1))


def test_an_encoded_excerpt_shows_square_pixels(tmp_path):
    source = squeezed(tmp_path / "clip.mp4", "2/1")
    stretch = Stretch(path=source.path, file_start_us=0, from_us=0, to_us=300_000)
    excerpt = cut_excerpt([stretch], tmp_path / "cut", is_reencoded=True)
    (cut,) = find_sources([str(excerpt.path)])
    assert read_frame_at(cut, 0).shape == (96, 320, 3)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_and_squeezed_picture_is_turned_then_widened(degrees):
    stored = picture(3, 160, 96)
    shown = show_picture(stored, degrees, Fraction(2))
    assert displayed_size(160, 96, degrees, Fraction(2)) == shown.shape[1::-1]
    wide = np.repeat(stored, 2, axis=1).astype(int)
    turned = np.rot90(wide, degrees // 90)
    assert np.abs(shown.astype(int) - turned).mean() < 3


def test_a_pixel_of_no_aspect_is_square():
    assert check_aspect(None) == check_aspect(Fraction(0)) == 1
    assert check_aspect(Fraction(4)) == 4
    assert check_aspect(Fraction(-2)) == check_aspect(Fraction(5)) == 1
