"""`truckcount label`: frames and what people and models say of them."""

import click

from truckcount.cli._lazy import LazyGroup

# name: (module, attribute, one line for `--help`), in the order one meets them
LABEL_COMMANDS = {
    "sample": ("label_sample", "sample", "Draw frames to label from videos."),
    "import": ("label_import", "import_", "Take in labels of another tool."),
    "review": ("label_review", "review", "Label by keyboard, on a local page."),
    "auto": ("label_auto", "auto", "Let a detector label."),
    "split": ("label_split", "split", "Split into train, val and test, leak-free."),
    "check": ("label_check", "check", "Tell whether a label set is whole."),
}


@click.group(cls=LazyGroup, commands_table=LABEL_COMMANDS)
def label() -> None:
    """Make label sets: frames, labels, boxes, splits.

    \b
    Example:
      truckcount label sample sample_videos --cameras sample_videos/cameras.toml \\
          --to labels -n 200
      truckcount label review labels
      truckcount label split labels --by day
    """
