"""Memory is bounded whatever the length of a video."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT, write_clip

pytestmark = pytest.mark.video

PROGRAM = """
import resource, sys
from truckcount.domain.sample import ViewRect
from truckcount.video import find_sources, open_decoder
rect = ViewRect(gate="g", x0=0, y0=0, x1=1, y1=1, width_px=320, height_px=192)
n = 0
for sample in open_decoder(
    find_sources([sys.argv[1]])[0], [rect], start_us=0, sample_fps=25
):
    n += 1
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kb(path):
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout.split()  # fmt: skip
    return int(out[0]), int(out[1])


def test_ten_times_the_length_takes_no_more_memory(tmp_path):
    options = {"preset": "ultrafast", "crf": "30"}
    short = write_clip(tmp_path / "s.mp4", 100, size=(640, 360), options=options)
    long = write_clip(tmp_path / "l.mp4", 1000, size=(640, 360), options=options)
    n_short, kb_short = peak_kb(short)
    n_long, kb_long = peak_kb(long)
    assert (n_short, n_long) == (100, 1000)
    views_kb = 900 * 320 * 192 * 3 / 1024  # what keeping the samples would cost
    assert kb_long - kb_short < 0.1 * views_kb
