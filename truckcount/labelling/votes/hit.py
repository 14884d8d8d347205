"""A label set to what Mechanical Turk is given: an upload CSV and a HIT template."""

import csv
import io
import random
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.tables import replace_file

if TYPE_CHECKING:
    from collections.abc import Collection

WHICH = ("unlabelled", "uncertain", "all")
UNCERTAIN = (0.05, 0.95)  # p_truck between them is worth a person's look; arbitrary

TEMPLATE = """\
<!-- HIT template for Mechanical Turk: paste it into Design Layout > Source of a new
     project, publish a batch with the upload CSV of `truckcount votes export`, and
     read its results with `truckcount votes import`. -->
<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form answer-format="flatten-objects">
  <crowd-image-classifier
    name="category"
    src="${image_url}"
    categories="['Truck', 'No truck', 'Cannot tell']"
    header="Is there at least one truck in this picture of a traffic camera?"
  >
    <short-instructions>
      <p><b>Truck</b>: at least one goods vehicle with a cab and a separate body or
        trailer is in the picture: box truck, tractor with or without trailer, tanker,
        dump truck, concrete mixer, garbage truck, flatbed, tow truck, step van, small
        cab-over lorry. Far away, cut by the edge or parked counts, too.</p>
      <p><b>No truck</b>: only cars, pickups, SUVs, minivans, panel vans (such as
        Ford Transit or Mercedes Sprinter), buses, motor homes, farm tractors, or
        nothing at all.</p>
      <p><b>Cannot tell</b>: too dark, blurred or small to say.</p>
    </short-instructions>
    <full-instructions header="What is a truck?">
      <p>Look at the whole picture, far lanes and edges included. One truck is
        enough. Do not guess: <b>Cannot tell</b> is an honest answer.</p>
      <table border="1" cellpadding="6" style="border-collapse: collapse">
        <tr><th>Truck</th><th>No truck</th></tr>
        <tr><td>Box truck, straight truck, moving truck</td>
            <td>Pickup, with or without a cover</td></tr>
        <tr><td>Tractor (semi) with or without trailer</td>
            <td>SUV, car, minivan, station wagon</td></tr>
        <tr><td>Tanker, dump truck, concrete mixer</td>
            <td>Panel van: Transit, Sprinter, Ducato</td></tr>
        <tr><td>Garbage truck, crane truck</td>
            <td>Bus of any size</td></tr>
        <tr><td>Flatbed, tow truck, car carrier</td>
            <td>Motor home, camper</td></tr>
        <tr><td>Step van (parcel delivery)</td>
            <td>Farm tractor</td></tr>
        <tr><td>Small cab-over lorry with a cargo body: Isuzu N, Hino 300,
            Tata 407</td>
            <td>Road furniture, buildings, signs that look like one</td></tr>
      </table>
      <p>Three-wheeled carriers, kei trucks, and cars with a trailer lie on the border:
        answer <b>Cannot tell</b> when one of them is all there is.</p>
    </full-instructions>
  </crowd-image-classifier>
</crowd-form>
"""


def choose_images(
    label_set: LabelSet,
    which: str = "unlabelled",
    *,
    gold: "Collection[str]" = (),
    limit: int | None = None,
    seed: int = 0,
) -> list[str]:
    """Choose the pictures that are sent out, in an order that gives nothing away.

    Parameters
    ----------
    which : str
        ``unlabelled``: neither a person nor a crowd labelled it. ``uncertain``:
        the merged label's probability is neither near 0 nor near 1. ``all``.
    gold : collection of str
        Images mixed in whatever their label.
    limit : int, optional
        At most so many pictures beside gold, drawn at random.
    seed : int
        Of the draw and the order.
    """
    labels = label_set.labels
    images = list(label_set.frames["image"])
    if which == "unlabelled":
        done = labels[labels["source"].isin(["person", "crowd"])]
        images = [i for i in images if i not in set(done["image"])]
    elif which == "uncertain":
        merged = label_set.merged_labels()
        is_open = merged["p_truck"].between(*UNCERTAIN, inclusive="neither")
        images = list(merged["image"][is_open])
    elif which != "all":
        msg = f"--which {which!r} is not one of {', '.join(WHICH)}"
        raise LabelError(msg)
    images = sorted(set(images) - set(gold))
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    if limit is not None and limit < len(images):
        images = draw.sample(images, limit)
    images += sorted(gold)
    draw.shuffle(images)  # gold must not stand in a block that workers notice
    return images


def upload_csv(images: list[str], url_prefix: str) -> str:
    """Spell the upload CSV: ``image_url``, ``image_id``; one row a HIT.

    Raises
    ------
    LabelError
        When workers' browsers would refuse the URLs: they must be https.
    """
    parts = urlsplit(url_prefix)
    if parts.scheme != "https" or not parts.netloc:
        msg = (
            f"--url-prefix {url_prefix!r} must begin with https://: the page that "
            "workers see is https, and browsers load no other pictures into it"
        )
        raise LabelError(msg)
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(["image_url", "image_id"])
    prefix = url_prefix.rstrip("/")
    writer.writerows([[f"{prefix}/{quote(image)}", image] for image in images])
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a file of the export, whole or not at all."""
    replace_file(path, lambda draft: draft.write_bytes(text.encode()))
