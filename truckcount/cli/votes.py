"""`truckcount votes`: pictures out to a crowd, its votes back as labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import blur_option

if TYPE_CHECKING:
    from truckcount.labelling.votes.crowd import CrowdImport
    from truckcount.labelling.votes.quality import CrowdQuality

MAX_PROBLEMS_SHOWN = 20


@click.group()
def votes() -> None:
    """Label pictures by a crowd (Amazon Mechanical Turk).

    \b
    Example:
      truckcount votes export set --url-prefix https://bucket.example/set \\
          -o upload.csv --template hit.html
      truckcount votes import Batch_1_batch_results.csv --to set
    """


@votes.command("export")
@click.argument("label_set", metavar="SET", type=click.Path(path_type=Path))
@click.option(
    "--url-prefix", required=True, help="Where SET's `frames` folder can be fetched."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path),
    help="Upload CSV to write.",
)  # fmt: skip
@click.option("--template", type=click.Path(path_type=Path), help="HIT page to write.")
@click.option(
    "--which", type=click.Choice(["unlabelled", "uncertain", "all"]),
    default="unlabelled", show_default=True, help="Pictures to ask about.",
)  # fmt: skip
@click.option("--gold", help="Mix in these known ones: a CSV, or `person`.")
@click.option("--limit", type=click.IntRange(1), help="At most so many beside gold.")
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the draw: equal seeds, equal pictures.",
)
@blur_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    label_set: Path,
    url_prefix: str,
    output: Path,
    template: Path | None,
    which: str,
    gold: str | None,
    limit: int | None,
    seed: int,
    is_blurred: bool,
    as_json: bool,
) -> int:
    """Write the upload CSV (image_url, image_id) and a HIT template.

    Workers fetch PREFIX/frames/...: upload the set's `frames` folder there first,
    for example with `aws s3 sync set/frames s3://bucket/set/frames`. Workers are
    strangers: with --blur-people mosaics are written to SET/blurred/frames, and
    PREFIX/blurred/frames/... is fetched; upload SET/blurred there and nothing else.

    \b
    Example:
      truckcount votes export set --url-prefix https://bucket.example/set \\
          -o upload.csv --template hit.html --gold person
    """
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.mosaics import MOSAIC_FOLDER, write_mosaics
    from truckcount.labelling.votes import hit
    from truckcount.labelling.votes.tasks import read_gold

    opened = LabelSet.open(label_set)
    known = read_gold(opened, gold) or {}
    images = hit.choose_images(opened, which, gold=known, limit=limit, seed=seed)
    prefix = f"{url_prefix.rstrip('/')}/{MOSAIC_FOLDER}" if is_blurred else url_prefix
    upload = hit.upload_csv(images, prefix)
    pictures = label_set / "frames"
    if is_blurred:
        pictures = write_mosaics(opened, images) / "frames"
    hit.write_text(output, upload)
    if template is not None:
        hit.write_text(template, hit.TEMPLATE)
    if as_json:
        give_json(
            {
                "upload": str(output),
                "template": None if template is None else str(template),
                "pictures": str(pictures),
                "n_pictures": len(images),
                "n_gold": len(known),
            }
        )
    say(f"{output}: {len(images)} pictures, {len(known)} of them gold")
    if is_blurred:
        say(f"mosaics are in {pictures}: upload it as {prefix}/frames")
    return 0


@votes.command("import")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to", "label_set", required=True, type=click.Path(path_type=Path),
    help="Label set that the pictures came from.",
)  # fmt: skip
@click.option("--gold", help="CSV with image_id and label; or `person`.")
@click.option(
    "--method", type=click.Choice(["dawid-skene", "majority"]),
    default="dawid-skene", show_default=True,
    help="How votes become labels.",
)  # fmt: skip
@click.option("--answer", help="Answer field to read where there are several.")
@click.option("--truck-word", multiple=True, help="Answer that means a truck.")
@click.option("--no-truck-word", multiple=True, help="Answer that means none.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(
    results: tuple[Path, ...],
    label_set: Path,
    gold: str | None,
    method: str,
    answer: str | None,
    truck_word: tuple[str, ...],
    no_truck_word: tuple[str, ...],
    as_json: bool,
) -> int:
    """Read batch-results CSVs and merge all votes of the set into soft labels.

    Rejected assignments do not count. Rows that give no vote are listed with their
    line, files without one are named, and the rest is kept (exit code 3); no vote at
    all is exit code 4. Importing a file again changes nothing.

    \b
    Example:
      truckcount votes import Batch_1_batch_results.csv --to set --gold gold.csv
    """
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.votes.answers import Words
    from truckcount.labelling.votes.crowd import import_votes

    done = import_votes(
        results,
        LabelSet.open(label_set),
        method=method,
        gold=gold,
        answer=answer,
        words=Words.with_own(truck_word, no_truck_word),
    )
    problems = done.batch.problems
    for problem in problems[:MAX_PROBLEMS_SHOWN]:
        say(f"truckcount: {problem}")
    if len(problems) > MAX_PROBLEMS_SHOWN:
        say(f"truckcount: ... and {len(problems) - MAX_PROBLEMS_SHOWN} more rows")
    if as_json:
        give_json(_to_json(done))
    else:
        _show(done)
    for line in done.batch.idle:
        say(f"truckcount: {line}")
    return 3 if problems or done.batch.idle else 0


def _to_json(done: "CrowdImport") -> dict[str, Any]:
    return {
        "n_rows": done.batch.n_rows,
        "n_rejected": done.batch.n_rejected,
        "n_withdrawn": done.n_withdrawn,
        "n_duplicates": done.batch.n_duplicates,
        "n_new_votes": done.n_new_votes,
        "n_labels": done.n_labels,
        "files_without_votes": done.batch.idle,
        "problems": [
            {"file": p.file, "line": p.line, "reason": p.reason}
            for p in done.batch.problems
        ],
        "quality": done.quality.to_json(),
    }


def _show(done: "CrowdImport") -> None:
    batch, quality = done.batch, done.quality
    give(
        f"{batch.n_rows} rows: {done.n_new_votes} new votes, {batch.n_rejected} "
        f"rejected, {batch.n_duplicates} double, {len(batch.problems)} unreadable"
    )
    if done.n_withdrawn:
        give(f"{done.n_withdrawn} earlier votes taken back: rejected since")
    give(
        f"{done.n_labels} labels by {quality.method} from {quality.n_votes} votes of "
        f"{quality.n_workers} workers; {quality.n_unanimous} unanimous"
    )
    give(f"Krippendorff's alpha  {_figure(quality.alpha)}")
    if quality.gold is not None:
        give(
            f"gold: {quality.gold['n_answered']} of {quality.gold['n_questions']} "
            f"answered, votes right {_figure(quality.gold['vote_accuracy'])}, "
            f"majority right {_figure(quality.gold['majority_accuracy'])}"
        )
    give("")
    give(_worker_lines(quality))
    if len(quality.disputed):
        give("")
        rows = [
            [str(r.image), str(r.n_votes), _figure(r.disagreement), _figure(r.p_truck)]
            for r in quality.disputed.itertuples()
        ]
        give(align(rows, ["disputed picture", "votes", "disagreement", "p_truck"]))


def _worker_lines(quality: "CrowdQuality") -> str:
    header = [
        "worker", "votes", "agree", "sees truck", "sees none", "gold", "gold right",
        "median s", "",
    ]  # fmt: skip
    rows = [
        [
            str(r.worker),
            str(r.n),
            _figure(r.agreement),
            _figure(r.sensitivity),
            _figure(r.specificity),
            str(r.gold_n),
            _figure(r.gold_accuracy),
            _figure(r.median_s, 0),
            "check" if r.is_suspect else "",
        ]
        for r in quality.workers.itertuples()
    ]
    return align(rows, header)


def _figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"
