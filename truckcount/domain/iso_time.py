"""Microseconds since 1970 to the text that people and programs read."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_utc(t_us: int) -> str:
    """Spell microseconds since 1970 as ISO-8601 with a Z."""
    return (EPOCH + timedelta(microseconds=t_us)).isoformat().replace("+00:00", "Z")
