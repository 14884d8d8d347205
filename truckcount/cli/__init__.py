"""The command line: parse, call one function of the pipeline, print one result."""

import importlib
import os
import sys

import click

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
    "recount": ("recount", "recount", "Count stored scores again, decoding nothing."),
    "restate": ("recount", "restate", "Show old against new hours, then publish."),
    "audit": ("audit", "audit", "Have a person check a random part of the counts."),
    "calibrate": ("calibrate", "calibrate", "Turn audits into factors with errors."),
    "report": ("report", "report", "Show a store on one page."),
    "store": ("store", "store", "Check and mend a store."),
    "bench": ("bench", "bench", "Measure our cost beside FFmpeg's and others'."),
    "doctor": ("doctor", "doctor", "Say what works on this machine."),
}
EXIT_UNEXPECTED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        loaded = importlib.import_module(f"truckcount.cli.{module}")
        command: click.Command = getattr(loaded, attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="truckcount")
@click.option("--verbose", is_flag=True, help="Log what is done.")
@click.option("--log-json", is_flag=True, help="Log one JSON object a line.")
def cli(verbose: bool, log_json: bool) -> None:
    """Count trucks in fixed traffic-camera video.

    \b
    Example:
      truckcount run sample_videos --cameras sample_videos/cameras.toml
      truckcount hours store
    """
    from truckcount.cli._console import configure_logging

    configure_logging(is_verbose=verbose, is_json=log_json)


def main() -> None:
    """Run the command line; errors become one line and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # click turns one to the other
        click.echo("interrupted; finished files are kept", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except Exception as error:
        if os.environ.get("TRUCKCOUNT_DEBUG"):
            raise
        from truckcount.cli._console import exit_code_of, say_error

        say_error(error)
        sys.exit(exit_code_of(error))
    sys.exit(code if isinstance(code, int) else 0)
