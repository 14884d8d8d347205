"""What several commands ask of an option's value."""

from datetime import datetime

import click


def check_moment(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Refuse a time that does not say which moment it is."""
    check_iso_time(ctx, param, value)
    if value is not None and datetime.fromisoformat(value).utcoffset() is None:
        msg = f"{value!r} has no zone: write {value}Z for UTC, or {value}-06:00"
        raise click.BadParameter(msg)
    return value


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
