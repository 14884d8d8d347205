"""`truckcount label review`: a person labels, on a page of this machine."""

from pathlib import Path

import click

from truckcount.cli._console import give, say
from truckcount.cli._options import blur_option


@click.command("review")
@click.argument("label_set", metavar="SET", type=click.Path(path_type=Path))
@click.option("--labeller", help="Your name in the labels  [default: your login]")
@click.option(
    "--order", type=click.Choice(["drawn", "uncertain", "random"]), default="drawn",
    show_default=True, help="`uncertain`: where models and crowd are least sure first.",
)  # fmt: skip
@click.option("--blind", is_flag=True, help="Show nothing of what others said.")
@click.option("--only-new", is_flag=True, help="Leave out what a person labelled.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0: any free.")
@blur_option
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def review(
    label_set: Path,
    labeller: str | None,
    order: str,
    blind: bool,
    only_new: bool,
    port: int,
    is_blurred: bool,
    no_browser: bool,
) -> int:
    """Label the pictures of SET by keyboard: T truck, N no truck, S skip, U undo.

    B draws boxes, arrows move, ? shows all keys. Every answer is saved at once; a
    later review goes on where this one stopped. The page is served to this machine
    only, at an address with a secret in it; Ctrl-C ends it. --blur-people changes
    what is shown, never SET: a small or far truck may not be seen then.

    \b
    Example:
      truckcount label review set --order uncertain
    """
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.review.server import ReviewServer
    from truckcount.labelling.review.session import ReviewSession

    session = ReviewSession(
        LabelSet.open(label_set),
        labeller if labeller is not None else _login(),
        order=order,
        is_blind=blind,
        only_new=only_new,
    )
    with ReviewServer(session, port, is_blurred=is_blurred) as server:
        give(server.url)
        say(f"{len(session)} pictures for {session.labeller}; Ctrl-C when done")
        if not no_browser:
            import webbrowser

            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            n = sum(x is not None for x in session.overview()["labels"])
            say(f"\n{n} of {len(session)} pictures are labelled; all is saved")
    return 0


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user table
        return "person"
