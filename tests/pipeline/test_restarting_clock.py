"""A recorder whose clock restarts inside one file: no truck lost, none twice."""

import av
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

pytestmark = pytest.mark.video

TRUCKS = {1.0: 1, 7.0: -1, 13.0: 1}  # each crosses for four seconds
GATE = "0.25,0.1 0.75,0.1 0.75,0.95 0.25,0.95"


def cut_clocks(film, output):
    """Copy a film's packets; every key frame's group begins at the same time again."""
    groups = []
    with av.open(str(film)) as source:
        stream = source.streams.video[0]
        for packet in source.demux(stream):
            if packet.size and packet.is_keyframe:
                groups.append([])
            if packet.size:
                groups[-1].append(packet)
        with output.open("wb") as whole:
            for k, packets in enumerate(groups):
                part = output.with_name(f"{k}.part")
                first = packets[0].pts
                with av.open(str(part), "w", format="mpegts") as file:
                    copy = file.add_stream_from_template(stream)
                    for packet in packets:
                        packet.pts, packet.dts = packet.pts - first, packet.dts - first
                        packet.stream = copy
                        file.mux(packet)
                whole.write(part.read_bytes())
    return len(groups)


def test_a_clock_that_restarts_every_two_seconds_loses_no_truck(tmp_path):
    model = write_red_model(tmp_path)
    film = write_traffic(tmp_path / "a_20260302T080000Z.mp4", TRUCKS, 18)
    restarting = tmp_path / "b_20260302T080000Z.ts"
    assert cut_clocks(film, restarting) == 9
    options = RunOptions(store=tmp_path / "store", model=model, gate=GATE)
    result = run_paths([str(film), str(restarting)], options)
    whole, cut = result.file_outcomes
    assert cut.warnings == ("the clock jumped 8 times",)
    assert cut.duration_s == pytest.approx(whole.duration_s)
    assert cut.samples == whole.samples
    found = {"a": [], "b": []}
    for row in result.passage_rows:
        found[row["camera"]].append((row["onset_utc"], row["direction"]))
    assert len(found["a"]) == len(TRUCKS)
    assert found["b"] == found["a"]
    coverage = result.hours.groupby("camera").coverage_s.first()
    assert coverage["b"] == coverage["a"]
