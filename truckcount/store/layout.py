"""Where in a store each table's file of a camera and period lies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from truckcount.domain.camera import check_name

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000


def from_us(t_us: int) -> datetime:
    """Return microseconds since 1970 as an aware time."""
    return EPOCH + timedelta(microseconds=t_us)


def to_us(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def month_of(t_us: int) -> str:
    """Return the UTC month, ``2026-03``."""
    return f"{from_us(t_us):%Y-%m}"


def day_of(t_us: int) -> str:
    """Return the UTC day, ``2026-03-02``."""
    return f"{from_us(t_us):%Y-%m-%d}"


def to_day_us(day: str) -> int:
    """Return the first microsecond of a UTC day, ``2026-03-02``.

    Raises
    ------
    ValueError
        When it is no day.
    """
    return to_us(datetime.fromisoformat(day).replace(tzinfo=UTC))


def days_between(from_time_us: int, to_time_us: int) -> list[str]:
    """Return the UTC days that [from, to) touches."""
    first = from_time_us // DAY_US
    last = max(first, (to_time_us - 1) // DAY_US)
    return [day_of(day * DAY_US) for day in range(first, last + 1)]


def file_path(root: Path, table: str, camera: str, period: str) -> Path:
    """Return a table's file; the checked name cannot lead out of the store."""
    check_name("camera", camera)
    return root / table / camera / f"{period}.parquet"


def table_files(root: Path, table: str, camera: str) -> list[Path]:
    """Return a camera's files of a table, in order of time."""
    folder = file_path(root, table, camera, "x").parent
    return sorted(folder.glob("[!._]*.parquet"))
