"""`truckcount audit`: a person counts a drawn part, blind to the machine."""

import getpass
import shlex
from pathlib import Path

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import blur_option
from truckcount.errors import ConfigError

CLIPS_FOLDER = "_audit"  # in the store, whose `delete` knows it by this name
WINDOW_UNITS = {"s": 1, "min": 60, "h": 3600}


def _window(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    """Read ``15min``, ``600s`` or ``file`` as seconds or None."""
    if value == "file":
        return None
    number = value.rstrip("smihn")
    unit = value[len(number) :] or "s"
    if not number.isdigit() or unit not in WINDOW_UNITS:
        msg = f"{value!r} is no window like 15min, 600s or file"
        raise click.BadParameter(msg)
    return int(number) * WINDOW_UNITS[unit]


def _sizes(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, ...]:
    """Read ``60,90,60``."""
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError as error:
        msg = f"{value!r} is not three whole numbers like 60,90,60"
        raise click.BadParameter(msg) from error


@click.group()
def audit() -> None:
    """Check the counts by a person's, on a random sample.

    \b
    Example:
      truckcount audit plan store --window 15min
      truckcount audit review store
      truckcount calibrate store
    """


@audit.command("plan")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--per-stratum",
    default="60,90,60",
    show_default=True,
    callback=_sizes,
    help="Windows to draw where the machine counted 0, 1-3 and 4 or more.",
)
@click.option(
    "--window",
    "window_s",
    default="10min",
    show_default=True,
    callback=_window,
    help="Length of a window; `file` takes each counted file whole.",
)
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Of the draw: equal seeds, equal windows.",
)
@click.option("--camera", "cameras", multiple=True, help="Only these; repeatable.")
@click.option("--direction", help="Only this direction.")
@click.option("--month", help="UTC month, 2026-03; by default the newest.")
@click.option("--drift", is_flag=True, help="A few fresh windows, for `--drift`.")
@click.option("--videos", multiple=True, help="Folder with recordings that moved.")
@click.option(
    "--clips", type=click.Path(path_type=Path), help="Folder; default STORE/_audit."
)
@click.option("--no-clips", is_flag=True, help="Draw only.")
@click.option("--reencode", is_flag=True, help="Encode all clips anew, small.")
@blur_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(
    store: Path,
    per_stratum: tuple[int, ...],
    window_s: int | None,
    seed: int,
    cameras: tuple[str, ...],
    direction: str | None,
    month: str | None,
    drift: bool,
    videos: tuple[str, ...],
    clips: Path | None,
    no_clips: bool,
    reencode: bool,
    is_blurred: bool,
    as_json: bool,
) -> int:
    """Draw windows of STORE and cut their clips, named so that they tell nothing.

    Each window's probability to be drawn is fixed and kept. The windows where the
    machine saw nothing are drawn, too: misses are seen nowhere else.

    \b
    Example:
      truckcount audit plan store --per-stratum 60,90,60 --window 15min --seed 7
    """
    from truckcount.audit.clips import CutClips, cut_clips
    from truckcount.audit.plan import plan_audits
    from truckcount.store import Store

    opened = Store.open(store, is_new_allowed=False)
    drawn = plan_audits(
        opened,
        per_stratum=per_stratum,
        window_s=window_s,
        seed=seed,
        cameras=cameras,
        direction=direction,
        month=month,
        purpose="drift" if drift else "calibrate",
    )
    folder = store / CLIPS_FOLDER if clips is None else clips
    cut = CutClips(n_cut=0, n_kept=0, missing=())
    if not no_clips:
        cut = cut_clips(
            opened,
            drawn,
            folder,
            videos=videos,
            is_reencoded=reencode,
            is_blurred=is_blurred,
        )
    strata: dict[tuple[str, ...], list[str]] = {}
    for w in drawn:
        key = (w.audit_id, w.camera, w.gate, w.direction, w.stratum)
        strata[key] = [str(w.n_drawn), str(w.n_stratum), f"{w.pi:.4f}"]
    if as_json:
        give_json(
            {
                "strata": [
                    dict(
                        zip(
                            ("audit_id", "camera", "gate", "direction", "stratum"),
                            key,
                            strict=True,
                        )
                    )
                    | {"n_drawn": int(n), "n_stratum": int(size), "pi": float(pi)}
                    for key, (n, size, pi) in strata.items()
                ],
                "n_windows": len(drawn),
                "clips": None if no_clips else str(folder),
                "n_cut": cut.n_cut,
                "n_kept": cut.n_kept,
                "missing": list(cut.missing),
            }
        )
        return 0
    header = ["audit", "camera", "gate", "direction", "stratum", "drawn", "of", "pi"]
    give(align([[*key, *values] for key, values in strata.items()], header))
    if not no_clips:
        say(
            f"{cut.n_cut} clips cut into {folder}, {cut.n_kept} were there"
            + (
                f", {len(cut.missing)} recordings not found (name their folder with "
                "--videos)"
                if cut.missing
                else ""
            )
        )
        advised = ["truckcount", "audit", "review", str(store)]
        advised += [] if clips is None else ["--clips", str(clips)]
        say(f"count them with `{shlex.join(advised)}`")
    return 0


@audit.command("import")
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("answers", type=click.Path(path_type=Path, exists=True))
def import_(store: Path, answers: Path) -> int:
    """Take the counts of a sheet (clip, count, labeller) into STORE.

    A count that contradicts an earlier one is refused; a changed mind is a new round
    (column `round`).

    \b
    Example:
      truckcount audit import store store/_audit/answers.csv
    """
    from truckcount.audit.answers import read_answers, save_answers
    from truckcount.store import Store

    read = read_answers(answers)
    n_new = save_answers(Store.open(store, is_new_allowed=False), read)
    say(f"{n_new} new answers of {len(read)} in {answers}")
    return 0


@audit.command("review")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--clips", type=click.Path(path_type=Path), help="Folder; default STORE/_audit."
)
@click.option("--cameras", type=click.Path(path_type=Path), help="To draw the gates.")
@click.option(
    "--labeller", default=getpass.getuser, help="Who counts.  [default: your login]"
)
@click.option(
    "--round",
    "label_round",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="2: a tenth, by a second person; 3: what those two disagree on.",
)
@click.option("--port", type=int, default=0, help="By default a free one.")
@click.option("--open", "is_opened", is_flag=True, help="Open the browser.")
def review(
    store: Path,
    clips: Path | None,
    cameras: Path | None,
    labeller: str,
    label_round: int,
    port: int,
    is_opened: bool,
) -> int:
    """Serve one page to count STORE's clips on, to this machine only.

    Every answer is kept at once; stop with Ctrl-C and go on any time.

    \b
    Example:
      truckcount audit review store --cameras cameras.toml --labeller ann --open
    """
    from truckcount.audit.review_server import ReviewServer
    from truckcount.audit.review_session import ReviewSession
    from truckcount.pipeline.cameras import load_cameras
    from truckcount.store import Store

    session = ReviewSession(
        Store.open(store, is_new_allowed=False),
        store / CLIPS_FOLDER if clips is None else clips,
        labeller=labeller,
        label_round=label_round,
        cameras=() if cameras is None else load_cameras(cameras).cameras,
    )
    if session.n_without_clip:
        say(f"{session.n_without_clip} windows have no clip and are left out")
    try:
        server = ReviewServer(session, port)
    except OSError as error:
        msg = f"port {port} cannot be used: {error}; leave --port out"
        raise ConfigError(msg) from error
    with server:
        give(server.url)
        say("open it in a browser on this machine; Ctrl-C ends")
        if is_opened:
            import webbrowser

            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            items = session.state()["items"]
            done = sum(item["count"] is not None for item in items)
            say(f"{done} of {len(items)} clips are counted and kept")
    return 0
