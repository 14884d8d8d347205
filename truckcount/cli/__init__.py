"""The command line: parse, call one function of the pipeline, print one result."""

import io
import logging
import os
import sys

import click

from truckcount.cli._lazy import LazyGroup

# name: (module, attribute, one line for `--help`); modules load when called, so
# that `truckcount --help` imports click alone
COMMANDS = {
    "run": ("run", "run", "Count trucks in videos and write the hours to a store."),
    "watch": ("watch", "watch", "Count the files of folders as they are finished."),
    "status": ("status", "status", "Say in one screen how a store gets on."),
    "hours": ("hours", "hours", "Print the hours of a store."),
    "cameras": ("cameras", "cameras", "Make and check cameras.toml."),
    "annotate": ("annotate", "annotate", "Draw gates, trucks and counts on a clip."),
    "inspect": ("inspect", "inspect", "Follow one frame through the five hops."),
    "label": ("label", "label", "Make label sets of frames, labels and splits."),
    "votes": ("votes", "votes", "Label pictures by a crowd (Mechanical Turk)."),
    "train": ("train", "train", "Train a network on labelled frames."),
    "evaluate": ("evaluate", "evaluate", "Score counts against annotated truth."),
    "backfill": ("run", "backfill", "Count files that came after their hours closed."),
    "recount": ("recount", "recount", "Count stored scores again, decoding nothing."),
    "restate": ("recount", "restate", "Show old against new hours, then publish."),
    "audit": ("audit", "audit", "Have a person check a random part of the counts."),
    "calibrate": ("calibrate", "calibrate", "Turn audits into factors with errors."),
    "export": ("export", "export", "Write the hours for programs of others."),
    "report": ("report", "report", "Show a store on one page."),
    "store": ("store", "store", "Check and mend a store."),
    "bench": ("bench", "bench", "Measure our cost beside FFmpeg's and others'."),
    "doctor": ("doctor", "doctor", "Say what works on this machine."),
}
EXIT_UNEXPECTED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


@click.group(
    cls=LazyGroup,
    commands_table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="truckcount")
@click.option("--verbose", is_flag=True, help="Log what is done.")
@click.option("--log-json", is_flag=True, help="Log one JSON object a line.")
def cli(verbose: bool, log_json: bool) -> None:
    """Count trucks in fixed traffic-camera video.

    \b
    Example:
      truckcount run sample_videos --cameras sample_videos/cameras.toml
      truckcount hours store

    Data goes to stdout, text to stderr. Exit codes: 0 done, 1 unexpected, 2 usage or
    configuration, 3 some files failed, 4 nothing usable, 5 store locked or damaged,
    130 interrupted.
    """
    from truckcount.cli._console import configure_logging

    configure_logging(is_verbose=verbose, is_json=log_json)


def main() -> None:
    """Run the command line; errors become one line and an exit code.

    With ``--json`` they are an object on stdout, too: ``{"error", "exit_code"}``.
    """
    try:
        code = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # click turns one to the other
        from truckcount.cli._console import give_error, say

        say("interrupted; finished files are kept")
        give_error(click.exceptions.Abort("interrupted"), EXIT_INTERRUPTED)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        from truckcount.cli._console import give_error, is_json_logged, say

        if is_json_logged():
            say(error.format_message(), logging.ERROR)
        else:
            shown = io.StringIO()
            error.show(shown)
            say(shown.getvalue().rstrip())  # masked: it quotes what was given
        give_error(error, EXIT_USAGE)
        sys.exit(EXIT_USAGE)
    except Exception as error:
        if os.environ.get("TRUCKCOUNT_DEBUG"):
            raise
        from truckcount.cli._console import exit_code_of, give_error, say_error

        say_error(error)
        give_error(error, exit_code_of(error))
        sys.exit(exit_code_of(error))
    sys.exit(code if isinstance(code, int) else 0)
