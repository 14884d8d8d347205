"""What several commands ask of an option's value."""

from datetime import datetime

import click


def check_iso_time(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> str | None:
    """Refuse what is no ISO-8601 time before any file is opened for it."""
    if value is not None:
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            msg = f"{value!r} is no ISO-8601 time like 2026-03-02T08:00:00-06:00"
            raise click.BadParameter(msg) from error
    return value
