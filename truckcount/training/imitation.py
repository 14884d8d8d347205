"""A slim `truckmap` taught to say of any view what a wide one says.

The maps of all classes, the boxes around them and both levels of the trunk are
learned, of the same disturbed view, as in [1]_; what the wide network doubts, the
slim one is to doubt, so that thresholds carry over. Where a person has drawn a box,
the teacher is believed by half only.

References
----------
.. [1] Beyer et al., Knowledge distillation: a good teacher is patient and consistent,
   https://arxiv.org/abs/2106.05237
"""

import copy
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from truckcount.presence.truckmap import MAP_CLASSES, TruckMap
from truckcount.training.heard import HeardBatch, HeardViews
from truckcount.training.run_state import (
    DrawState,
    blend,
    check_run,
    load_parts,
    save_parts,
)
from truckcount.training.targets import CENTRE

logger = logging.getLogger(__name__)

CLASS_WEIGHTS = (1.0, 0.3, 0.3)  # the truck map is what we are here for
ROAD_WEIGHT = 0.03  # of a cell in which neither sees anything
HEAT_SHARE, BOX_SHARE = 4.0, 0.3
LEVEL_SHARE, LATE_LEVEL_SHARE = 0.5, 0.1
LATE_FROM = 0.6  # of the steps: then what is said counts for more than how
LEAST_SEEN = 4.0  # trucks in a batch
GRADIENT_LIMIT = 5.0
SUSPICION = 0.2  # a teacher that gives less than this contradicts the label

Saying = tuple[Tensor, Tensor, Tensor]
"""Raw maps (N, 7, H/8, W/8) and the levels (N, C, H/8, W/8) and (N, C, H/16, W/16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImitationOptions:
    """How long to imitate."""

    n_steps: int = 3000
    batch_size: int = 16
    learning_rate: float = 7e-4
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    label_share: float = 0.0
    """How far labels are believed where the teacher says otherwise, in [0, 1]."""
    other_share: float | None = None
    """The same of labels of other vehicles; None: as of trucks."""
    seed: int = 0
    checkpoint_every: int = 200


def say(network: TruckMap, views: Tensor) -> Saying:
    """Return all of a network that is imitated."""
    stride8, stride16 = network.levels_from(network.forward_to(views, 0), 0)
    return network.head(stride8, stride16), stride8, stride16


def imitation_loss(
    said: Saying,
    heard: Saying,
    spread: tuple[Tensor, Tensor],
    *,
    level_share: float = LEVEL_SHARE,
) -> Tensor:
    """Weigh what a slim network says against what it heard the wide one say.

    Parameters
    ----------
    said, heard : Saying
        Of the slim and of the wide network.
    spread : tensors, shape (1, C, 1, 1)
        Variances of both levels, by which their errors are measured.
    """
    n = len(MAP_CLASSES)
    heat, told = said[0][:, :n], torch.sigmoid(heard[0][:, :n])
    cost = F.binary_cross_entropy_with_logits(heat, told, reduction="none")
    # what the wide network is unsure of costs something even where it is met
    cost = cost - F.binary_cross_entropy(told, told, reduction="none")
    seen = torch.maximum(told, torch.sigmoid(heat.detach()))
    weight = (ROAD_WEIGHT + seen) * heat.new_tensor(CLASS_WEIGHTS)[:, None, None]
    heat_loss = (cost * weight).sum() / (told[:, 0] ** 2).sum().clamp(min=LEAST_SEEN)
    is_there = told.amax(1)
    distance = (said[0][:, n:] - heard[0][:, n:]).abs().sum(1)
    box_loss = (distance * is_there).sum() / is_there.sum().clamp(min=1.0)
    level_loss = sum(
        ((a - b) ** 2 / v).mean()
        for a, b, v in zip(said[1:], heard[1:], spread, strict=True)
    )
    return HEAT_SHARE * heat_loss + BOX_SHARE * box_loss + level_share * level_loss


def side_with_labels(
    heard: HeardBatch, share: float, other_share: float | None = None
) -> Tensor:
    """Move a teacher's truck map towards the labels, some of the way.

    A labelled truck that the teacher suspects is made surer; where another vehicle
    is labelled and no truck, the teacher is made less sure. A labelled truck of
    which it sees nothing is left: sets that call vans trucks would teach a mistake.

    Parameters
    ----------
    share : float
        Of the way, in [0, 1].
    other_share : float, optional
        Of the way where another vehicle is labelled; as ``share`` by default.

    Returns
    -------
    tensor, shape (N, 7, h, w)
        The maps with other truck logits.
    """
    told = torch.sigmoid(heard.maps[:, 0])
    truck, other = heard.truth[:, 0], heard.truth[:, 1:].amax(1)
    around = F.max_pool2d(told[:, None], 3, 1, 1)[:, 0]
    is_surer = (truck > CENTRE) & (around >= SUSPICION)
    told = torch.where(is_surer, told + share * (1 - told), told)
    doubt = share if other_share is None else other_share
    told = told * (1 - doubt * other * (1 - truck) * heard.trust)
    maps = heard.maps.clone()
    maps[:, 0] = torch.logit(told.clamp(1e-4, 1 - 1e-4))
    return maps


def imitate(
    slim: TruckMap, heard: HeardViews, options: ImitationOptions, folder: Path
) -> TruckMap:
    """Teach a slim network; go on from ``folder`` where an earlier run stopped.

    Batch norms keep their statistics: the slim network begins with the wide one's.

    Returns
    -------
    TruckMap
        The exponential moving average of the weights, which is what is shipped.

    Raises
    ------
    ConfigError
        When the folder holds a run with other options, or of other views.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = asdict(options) | {"n_heard": len(heard)}
    check_run(folder, facts)
    (folder / "options.json").write_text(json.dumps(asdict(options), indent=1))
    slim = slim.to(memory_format=torch.channels_last).eval()
    average = copy.deepcopy(slim)
    optimizer = torch.optim.AdamW(
        slim.parameters(), options.learning_rate, weight_decay=options.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        options.learning_rate,
        total_steps=options.n_steps,
        pct_start=0.05,
        final_div_factor=100,
    )
    rng = np.random.default_rng(options.seed)
    parts = {
        "network": slim,
        "average": average,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "draws": DrawState(rng),
    }
    first = heard.rows(range(min(4 * options.batch_size, len(heard))))
    spread = (_spread(first.stride8), _spread(first.stride16))
    start = load_parts(folder, parts, facts)
    began, running = time.monotonic(), 0.0
    for step in range(start, options.n_steps):
        batch = heard.draw(rng, options.batch_size)
        told = (
            side_with_labels(batch, options.label_share, options.other_share),
            batch.stride8,
            batch.stride16,
        )
        is_late = step >= LATE_FROM * options.n_steps
        share = LATE_LEVEL_SHARE if is_late else LEVEL_SHARE
        loss = imitation_loss(say(slim, batch.views), told, spread, level_share=share)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(slim.parameters(), GRADIENT_LIMIT)
        optimizer.step()
        scheduler.step()
        blend(average, slim, min(options.ema_decay, (1 + step) / (10 + step)))
        value = float(loss.detach())
        running = value if step == start else 0.98 * running + 0.02 * value
        done = step + 1
        if done % options.checkpoint_every == 0 or done == options.n_steps:
            rate = (done - start) * options.batch_size / (time.monotonic() - began)
            logger.info("step %d loss %.4f views/s %.1f", done, running, rate)
            with (folder / "curve.csv").open("a") as file:
                file.write(f"{done},{running:.5f},{rate:.1f}\n")
            save_parts(folder, parts, done, facts)
    return average


def _spread(level: Tensor) -> Tensor:
    """Variance of each channel, by which its error is measured."""
    return level.var(dim=(0, 2, 3), keepdim=True) + 1e-4


def agreement(slim: TruckMap, wide: TruckMap, views: Tensor) -> dict[str, float]:
    """Compare both truck maps where the wide one sees something.

    Returns
    -------
    dict
        ``n`` peaks above 0.2; mean ``wide`` and ``slim`` score there, the mean
        absolute ``difference`` and the ``correlation``.
    """
    with torch.no_grad():
        told = torch.sigmoid(wide(views).heat[:, 0])
        said = torch.sigmoid(slim(views).heat[:, 0])
    is_peak = (F.max_pool2d(told[:, None], 3, 1, 1)[:, 0] == told) & (told > 0.2)
    a = told[is_peak]
    b = F.max_pool2d(said[:, None], 3, 1, 1)[:, 0][is_peak]
    return {
        "n": len(a),
        "wide": float(a.mean()),
        "slim": float(b.mean()),
        "difference": float((a - b).abs().mean()),
        "correlation": float(torch.corrcoef(torch.stack([a, b]))[0, 1]),
    }
