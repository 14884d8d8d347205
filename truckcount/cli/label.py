"""`truckcount label`: frames and what people and models say of them."""

import importlib

import click

# name: (module, attribute, one line for `--help`), in the order one meets them
LABEL_COMMANDS = {
    "sample": ("label_sample", "sample", "Draw frames to label from videos."),
    "import": ("label_import", "import_", "Take in labels of another tool."),
    "review": ("label_review", "review", "Label by keyboard, on a local page."),
    "auto": ("label_auto", "auto", "Let a detector label."),
    "split": ("label_split", "split", "Split into train, val and test, leak-free."),
    "check": ("label_check", "check", "Tell whether a label set is whole."),
}


class LabelGroup(click.Group):
    """Imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order one meets them."""
        return list(LABEL_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in LABEL_COMMANDS:
            return None
        module, attribute, _ = LABEL_COMMANDS[cmd_name]
        loaded = importlib.import_module(f"truckcount.cli.{module}")
        command: click.Command = getattr(loaded, attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            rows = [(name, row[2]) for name, row in LABEL_COMMANDS.items()]
            formatter.write_dl(rows)


@click.group(cls=LabelGroup)
def label() -> None:
    """Make label sets: frames, labels, boxes, splits.

    \b
    Example:
      truckcount label sample sample_videos --cameras sample_videos/cameras.toml \\
          --to labels -n 200
      truckcount label review labels
      truckcount label split labels --by day
    """
