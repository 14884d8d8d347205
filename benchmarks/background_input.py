"""Does the network count better when it is shown what differs from the background?

    python -m benchmarks.background_input --work FOLDER --data ../shared/data \
        --rendered /path/to/train_frames

A fixed camera has a background, which detectors for any picture cannot use. Two
pupils begin as the same weights, learn the same views for as many steps, and have a
fourth input channel: of one it is how far each pixel differs from the median of its
camera's pictures, of the other it is always zero. Pictures of no fixed camera, and one
in five of the others, have zeros too, so that both pupils see what they know. Then
both count the clips, the background of a clip being the median of all its samples:
more than `run` could know, which sees them one by one. Interrupted, it goes on.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks.clip_accuracy import RESULTS, SETS
from benchmarks.machine import ROOT, describe
from truckcount.domain.sample import Sample
from truckcount.evaluation.clips import ClipScores
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.pipeline import scoring
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import INPUT_MEAN, TruckMap
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.training.canvas import Canvas, PictureDraw, compose_view
from truckcount.training.ensemble import Ensemble
from truckcount.training.heard import HeardBatch, HeardViews
from truckcount.training.imitation import ImitationOptions, imitate
from truckcount.training.label_set import LabelledPicture
from truckcount.training.photometric import disturb
from truckcount.training.pools import SHARES, Pools, read_pools
from truckcount.training.targets import draw_target
from truckcount.training.thresholds import Thresholds, read_scored

UInt8 = npt.NDArray[np.uint8]
MIN_PICTURES = 8  # of one camera for a median
MAX_PICTURES = 60
UNKNOWN_SHARE = 0.2
ARMS = ("background", "zeros")
HEARD = "heard.npz"
SIZE = (320, 192)
THRESHOLDS = [
    Thresholds(on, track, 0.28)
    for on in (0.5, 0.56, 0.6, 0.64)
    for track in (0.38, 0.42, 0.45)
]


def difference(picture: UInt8, background: UInt8) -> UInt8:
    """Return how far a picture differs, shape (H, W): the most of its channels."""
    apart = cv2.absdiff(picture, background).max(axis=2)
    return cv2.blur(apart, (3, 3))


def median_of(pictures: Sequence[UInt8]) -> UInt8:
    """Return the background of pictures of one camera."""
    step = max(1, len(pictures) // MAX_PICTURES)
    return np.median(np.stack(pictures[::step]), axis=0).astype(np.uint8)


def camera_of(pool: str, picture: LabelledPicture) -> str | None:
    """Name what shares a background: a recording, a clip, a rendered scene."""
    if pool in {"tfl_625", "uk_m6"}:
        return picture.name.split("@")[0]
    return picture.group if pool in {"rf100_toll_id", "rendered", "atl_v2"} else None


def add_differences(pools: Pools) -> dict[str, int]:
    """Give every picture a fourth channel; count those that have a background."""
    known: dict[str, int] = {}
    for name, pool in pools.items():
        by_camera: dict[tuple[str, tuple[int, ...]], list[LabelledPicture]] = {}
        for picture in pool:
            camera = camera_of(name, picture)
            if camera is not None:
                key = (camera, picture.image.shape)
                by_camera.setdefault(key, []).append(picture)
        backgrounds = {
            id(picture): background
            for group in by_camera.values()
            if len(group) >= MIN_PICTURES
            for background in [median_of([p.image for p in group])]
            for picture in group
        }
        known[name] = len(backgrounds)
        for picture in pool:
            apart = np.zeros(picture.image.shape[:2], np.uint8)
            if id(picture) in backgrounds:
                apart = difference(picture.image, backgrounds[id(picture)])
            picture.image = np.dstack([picture.image, apart])
    return known


def compose(rng: np.random.Generator, draw: PictureDraw) -> Canvas:
    """Compose a view of one picture, four channels deep."""
    while True:
        try:
            return compose_view(rng, draw, *SIZE)
        except ValueError:  # a mosaic: its canvas has three channels
            continue


def hear_views(draw: PictureDraw, path: Path, n: int) -> None:
    """Compose views and write down what the teachers say of their colours."""
    teach = Ensemble([find_weights("truckmap-l"), find_weights("truckmap-m")])
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for i in range(n):
        rng = np.random.default_rng([7, i])
        canvas = compose(rng, draw)
        view = np.ascontiguousarray(disturb(rng, canvas.image[:, :, :3]))
        apart = canvas.image[:, :, 3].astype(np.float32) * np.exp(
            rng.uniform(-0.5, 0.5)
        )
        if apart.any():
            apart += np.abs(rng.normal(0, rng.uniform(0, 5), apart.shape))
        if rng.random() < UNKNOWN_SHARE:
            apart[:] = 0
        said, target = teach(view), draw_target(canvas)
        row = {
            "views": np.dstack([view, np.clip(apart, 0, 255).astype(np.uint8)]),
            "maps": said.maps.astype(np.float16),
            "stride8": said.stride8.astype(np.float16),
            "stride16": said.stride16.astype(np.float16),
            "truth": np.round(target.heat * 255).astype(np.uint8),
            "trust": target.trust.astype(np.uint8),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    np.savez(path, **{name: np.stack(rows) for name, rows in columns.items()})


class FourChannels(HeardViews):
    """Heard views as one of the pupils sees them."""

    def __init__(self, path: Path, arm: str) -> None:
        self._columns, self._arm = dict(np.load(path)), arm

    def __len__(self) -> int:
        return len(self._columns["views"])

    def rows(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> HeardBatch:
        """Read views by number."""
        order = np.sort(np.asarray(numbers))
        part = {k: torch.from_numpy(v[order]) for k, v in self._columns.items()}
        views = as_input(part.pop("views"), self._arm)
        floats = {k: v.float() for k, v in part.items()}
        return HeardBatch(views=views, **floats | {"truth": floats["truth"] / 255})


def as_input(views: Tensor, arm: str) -> Tensor:
    """Make four channels, (N, H, W, 4), into what the network takes.

    The fourth is 0 after the network has taken its mean of colours off.
    """
    views = views.permute(0, 3, 1, 2).float()
    apart = views[:, 3:] if arm == "background" else torch.zeros_like(views[:, 3:])
    return torch.cat([views[:, :3], INPUT_MEAN + apart], 1).contiguous(
        memory_format=torch.channels_last
    )


def widen(network: TruckMap) -> TruckMap:
    """Give a network a fourth input channel that says nothing yet."""
    old = network.stem.conv
    new = nn.Conv2d(4, old.out_channels, 3, 2, 1, bias=False)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, :3] = old.weight
    network.stem.conv = new
    return network


def teach_arm(arm: str, folder: Path, options: argparse.Namespace) -> TruckMap:
    """Teach one pupil; both see the same views in the same order."""
    network = load_truckmap(find_weights(options.start))
    gain, network.size_gain = network.size_gain, 0.0
    average = imitate(
        widen(network),
        FourChannels(folder / HEARD, arm),
        ImitationOptions(
            n_steps=options.steps, learning_rate=options.rate, label_share=0.5
        ),
        folder / arm,
    )
    average.size_gain = gain
    return average


class Colours:
    """A runtime that takes four channels, in place of the one that a run opened."""

    device = "cpu"

    def __init__(self, network: TruckMap, arm: str) -> None:
        self._network, self._arm = network, arm

    @torch.inference_mode()
    def score_views(self, views: UInt8) -> Maps:
        """Score views of shape (N, H, W, 4)."""
        output = self._network(as_input(torch.from_numpy(views), self._arm))
        heat = torch.sigmoid(output.heat[:, 0])
        box = torch.cat([output.size, output.offset], 1)
        return Maps(heat.numpy(), box.numpy())


def scorer_of(runtime: Colours) -> type[ClipScorer]:
    """Return a scorer that knows a clip's background before it scores."""

    class Scorer(ClipScorer):
        def __init__(self, _: Any, *others: Any, **options: Any) -> None:
            super().__init__(runtime, *others, **options)
            self._kept: list[Sample] = []

        def process(self, sample: Sample) -> None:
            self._kept.append(sample)

        def finish(self) -> Any:
            usable = [s.views for s in self._kept if not s.quality_flags]
            backgrounds = [median_of(views) for views in zip(*usable, strict=True)]
            for sample in self._kept:
                views = tuple(
                    np.dstack([view, difference(view, background)])
                    for view, background in zip(sample.views, backgrounds, strict=False)
                )
                super().process(replace(sample, views=views or sample.views))
            return super().finish()

    return Scorer


def count(network: TruckMap, arm: str, folder: Path) -> dict[str, Any]:
    """Count both sets of clips and say what comes out at each pair of thresholds."""
    found: dict[str, Any] = {}
    scoring.ClipScorer = scorer_of(Colours(network, arm))  # type: ignore[misc]
    for name, (clips, role) in SETS.items():
        store = folder / f"store_{arm}_{name}"
        if not store.exists():
            evaluate_clips(clips, role=role, model="truckmap", store=store)
        rows = read_scored(clips, role, Store.open(store))
        found[name] = [
            asdict(t) | ClipScores(clips=tuple(r.score(t) for r in rows)).figures()
            for t in THRESHOLDS
        ]
    return found


def main() -> None:
    """Write ``results/background_input.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument("--views", type=int, default=8000)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--start", default="truckmap")
    parser.add_argument("--only", choices=ARMS, help="teach and count this pupil alone")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    facts_path = options.work / "facts.json"
    if not facts_path.exists():
        pools = read_pools(options.data, options.rendered)
        facts = {
            "start": find_weights(options.start).model_id,
            "pictures_with_background": add_differences(pools),
        }
        hear_views(PictureDraw(pools, SHARES), options.work / HEARD, options.views)
        facts_path.write_text(json.dumps(facts))
    facts = json.loads(facts_path.read_text())
    if facts["start"] != find_weights(options.start).model_id:
        raise SystemExit(f"{options.work} was begun from {facts['start']}")
    arms = {}
    for arm in ARMS if options.only is None else (options.only,):
        network = teach_arm(arm, options.work, options)
        arms[arm] = count(network, arm, options.work)
    result = {
        **describe(),
        **facts,
        "views": options.views,
        "steps": options.steps,
        "arms": arms,
    }
    if options.only is None:
        path = RESULTS / "background_input.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
    json.dump(arms, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
