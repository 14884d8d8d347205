"""The sample videos, counted by the product and compared with the renderer's truth."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from tests.conftest import ROOT
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import run_paths

SAMPLES = ROOT / "sample_videos"
CAMERAS = SAMPLES / "cameras.toml"
TRUTHS = read_truth(SAMPLES)
IDS = [t.camera for t in TRUTHS]


def count(
    paths: list[Path], store: Path, start: str | None = None, camera: str | None = None
) -> RunResult:
    """Run the main job over files of the sample cameras."""
    options = RunOptions(store=store, cameras=CAMERAS, start=start, camera=camera)
    return run_paths([str(p) for p in paths], options)


def counted(result: RunResult) -> list[tuple[str, str]]:
    """Return (onset, direction) of every counted passage, in order."""
    rows = [r for r in result.passage_rows if r["is_counted"]]
    return sorted((str(r["onset_utc"]), str(r["direction"])) for r in rows)


def directions(result: RunResult) -> list[str]:
    """Return the directions of counted passages, sorted."""
    return sorted(direction for _, direction in counted(result))


def true_directions(truth: ClipTruth) -> list[str]:
    """Return the directions that the renderer knows, sorted."""
    return sorted(stay.direction for stay in truth.scored)


def onset_of(stay: Stay) -> float:
    """Return when a stay begins, to sort by."""
    return stay.onset_s


def transcode(
    clip: Path,
    target: Path,
    *,
    fps: int | None = None,
    codec: str = "libx264",
    scale: float = 1.0,
    widen: int = 1,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip anew; a new rate repeats or drops frames, as a recorder does.

    Each pixel is stored as ``widen`` pixels that are so much higher than wide.
    """
    with av.open(str(clip)) as source, av.open(str(target), "w") as file:
        old = source.streams.video[0]
        rate = Fraction(fps) if fps is not None else Fraction(old.average_rate)
        stream = file.add_stream(codec, rate=rate)
        stream.width = 2 * round(old.width * scale * widen / 2)
        stream.height = 2 * round(old.height * scale / 2)
        stream.pix_fmt = "yuv420p"
        stream.options = options if options is not None else {"crf": "26"}
        if widen != 1:
            stream.options = {**stream.options, "aspect": f"1/{widen}"}
        for k, frame in enumerate(_at_rate(source, rate)):
            scaled = frame.reformat(stream.width, stream.height)
            scaled.pts, scaled.time_base = k, 1 / rate
            file.mux(stream.encode(scaled))
        file.mux(stream.encode())
    return target


def _at_rate(
    source: av.container.InputContainer, rate: Fraction
) -> Iterator[av.VideoFrame]:
    k, shown = 0, None
    for frame in source.decode(video=0):
        while shown is not None and Fraction(k) / rate < frame.pts * frame.time_base:
            yield shown
            k += 1
        shown = frame
    duration = frame.pts * frame.time_base + 1 / source.streams.video[0].average_rate
    while Fraction(k) / rate < duration:
        yield shown
        k += 1


def cut_at_key_frames(clip: Path, folder: Path, start_s: float) -> list[Path]:
    """Cut a clip into one file per GOP, without re-encoding, each with its start.

    ``start_s`` is the clip's own start, seconds since 1970.
    """
    folder.mkdir()
    pieces: list[list[av.Packet]] = []
    with av.open(str(clip)) as source:
        old = source.streams.video[0]
        for packet in source.demux(old):
            if packet.size == 0:
                continue
            if packet.is_keyframe:
                pieces.append([])
            pieces[-1].append(packet)
        paths = []
        for k, packets in enumerate(pieces):
            path = folder / f"piece{k:02d}.mp4"
            first = min(p.pts for p in packets)
            begins_s = start_s + float(first * old.time_base)
            sidecar = {"start": _iso(begins_s)}
            Path(f"{path}.json").write_text(json.dumps(sidecar))
            with av.open(str(path), "w") as file:
                stream = file.add_stream_from_template(old)
                for packet in packets:
                    packet.pts, packet.dts = packet.pts - first, packet.dts - first
                    packet.stream = stream
                    file.mux(packet)
            paths.append(path)
    return paths


def _iso(t_s: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(round(t_s, 6), UTC).isoformat()
