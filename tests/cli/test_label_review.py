"""`truckcount label review` as a process: its address, an answer, Ctrl-C."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.conftest import ROOT
from tests.labelling.pieces import assert_mosaic, make_set
from truckcount.labelling.label_set import LabelSet

PATIENCE_S = 120  # a loaded machine is no fault of the command


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_it_prints_an_address_saves_answers_and_ends_on_ctrl_c(tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    command = [sys.executable, "-m", "truckcount", "label", "review", str(made.root)]
    command += ["--no-browser", "--labeller", "ana", "--blur-people"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), process.stderr.read()
            request = urllib.request.Request(
                f"{url}api/answer/1",
                json.dumps({"label": "truck"}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                assert json.load(answer)["label"] == "truck"
            with urllib.request.urlopen(f"{url}picture/1", timeout=PATIENCE_S) as shown:
                assert_mosaic(made.root / images[1], shown.read())
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(url[:-5] + "/", timeout=PATIENCE_S)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "1 of 3 pictures are labelled; all is saved" in said
    labels = LabelSet.open(made.root).labels
    assert labels[["image", "label", "source", "labeller"]].to_numpy().tolist() == [
        ["frames/001.jpg", "truck", "person", "ana"]
    ]


def test_a_folder_that_is_no_set_is_a_usage_error(truckcount, tmp_path):
    said = truckcount("label", "review", tmp_path, "--no-browser")
    assert said.code == 2
    assert "is no label set" in said.err
