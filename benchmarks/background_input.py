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
import copy
import json
import sys
from collections.abc import Mapping, Sequence
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
from truckcount.training.heard import HeardBatch
from truckcount.training.imitation import imitation_loss, say, side_with_labels
from truckcount.training.label_set import LabelledPicture
from truckcount.training.photometric import disturb
from truckcount.training.pools import SHARES, Pools, read_pools
from truckcount.training.run_state import blend
from truckcount.training.targets import draw_target
from truckcount.training.thresholds import Thresholds, read_scored

UInt8 = npt.NDArray[np.uint8]
MIN_PICTURES = 8  # of one camera for a median
MAX_PICTURES = 60
UNKNOWN_SHARE = 0.2
ARMS = ("background", "zeros")
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


def hear_views(draw: PictureDraw, folder: Path, n: int) -> dict[str, npt.NDArray[Any]]:
    """Compose views and write down what the teachers say of their colours."""
    path = folder / "heard.npz"
    if path.exists():
        return dict(np.load(path))
    teach = Ensemble([find_weights("truckmap-l"), find_weights("truckmap")])
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
    arrays = {name: np.stack(rows) for name, rows in columns.items()}
    np.savez(path, **arrays)
    return arrays


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


def teach_arm(
    arm: str,
    heard: Mapping[str, npt.NDArray[Any]],
    folder: Path,
    options: argparse.Namespace,
) -> TruckMap:
    """Teach one pupil; both see the same views in the same order."""
    weights = find_weights(options.start)
    path, start = folder / f"{arm}.pt", (folder / "start.txt").read_text()
    if not path.exists() and weights.model_id != start:
        raise SystemExit(f"{folder} was begun from {start}: give another --work")
    network = load_truckmap(weights)
    gain, network.size_gain = network.size_gain, 0.0
    network = widen(network).to(memory_format=torch.channels_last).eval()
    average = copy.deepcopy(network)
    if path.exists():
        average.load_state_dict(torch.load(path, weights_only=True))
    else:
        optimizer = torch.optim.AdamW(
            network.parameters(), options.rate, weight_decay=0.01
        )
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, options.rate, total_steps=options.steps, pct_start=0.05
        )
        rng = np.random.default_rng(3)
        levels = [
            torch.from_numpy(heard[k][:64]).float() for k in ("stride8", "stride16")
        ]
        spread = tuple(x.var(dim=(0, 2, 3), keepdim=True) + 1e-4 for x in levels)
        for step in range(options.steps):
            rows = np.sort(rng.integers(len(heard["views"]), size=16))
            part = {k: torch.from_numpy(v[rows]).float() for k, v in heard.items()}
            views = as_input(part["views"], arm)
            batch = HeardBatch(**part | {"views": views, "truth": part["truth"] / 255})
            told = (side_with_labels(batch, 0.5), batch.stride8, batch.stride16)
            loss = imitation_loss(say(network, views), told, spread, level_share=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            scheduler.step()
            blend(average, network, min(0.998, (1 + step) / (10 + step)))
            if (step + 1) % 200 == 0:
                print(arm, step + 1, round(float(loss.detach()), 4), flush=True)
        torch.save(average.state_dict(), path)
    average.size_gain = gain
    return average.eval()


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
            evaluate_clips(clips, role=role, model="truckmap-s", store=store)
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
    parser.add_argument("--start", default="truckmap-s")
    parser.add_argument("--only", choices=ARMS, help="teach and count this pupil alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    told, start = options.work / "backgrounds.json", options.work / "start.txt"
    if not start.exists():
        start.write_text(find_weights(options.start).model_id)
    if not (options.work / "heard.npz").exists():
        pools = read_pools(options.data, options.rendered)
        told.write_text(json.dumps(add_differences(pools)))
        hear_views(PictureDraw(pools, SHARES), options.work, options.views)
    heard = dict(np.load(options.work / "heard.npz"))
    arms = {}
    for arm in ARMS if options.only is None else (options.only,):
        network = teach_arm(arm, heard, options.work, options)
        arms[arm] = count(network, arm, options.work)
    result = {
        **describe(),
        "start": start.read_text(),
        "views": len(heard["views"]),
        "steps": options.steps,
        "pictures_with_background": json.loads(told.read_text()),
        "arms": arms,
    }
    if options.only is None:
        path = RESULTS / "background_input.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
    json.dump(arms, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
