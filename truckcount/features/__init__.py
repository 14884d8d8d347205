"""Reads hours as of a moment and rolls them up; pandas in, pandas out.

::

    from truckcount.features import load_hours, daily, fiscal_quarter, panel
    hours = load_hours("store", as_of="2026-03-03T06:00Z")
    daily(hours)

Null is never 0: a total is an estimate for what was due, with its standard error,
or null.
"""

from truckcount.errors import (
    CalibrationError,
    ClockError,
    MissingHoursError,
    NaiveTimeError,
    SchemaError,
    StoreVersionError,
)
from truckcount.errors import StoreLockedError as LockTimeout
from truckcount.features import calib, export, metrics
from truckcount.features.calendars import (
    fiscal445,
    fiscal_from_ends,
    known_calendar,
    year_before,
)
from truckcount.features.decisions import PanelSpec, asof_panel
from truckcount.features.departures import departures
from truckcount.features.growth import panel, panel_index, yoy
from truckcount.features.load import load_hours
from truckcount.features.quarter_to_date import qtd
from truckcount.features.rollup import daily, fiscal_quarter, rollup
from truckcount.features.tables import (
    load_bins,
    load_calibrations,
    load_passages,
    load_scores,
    load_segments,
)

__all__ = [
    "CalibrationError",
    "ClockError",
    "LockTimeout",
    "MissingHoursError",
    "NaiveTimeError",
    "PanelSpec",
    "SchemaError",
    "StoreVersionError",
    "asof_panel",
    "calib",
    "daily",
    "departures",
    "export",
    "fiscal445",
    "fiscal_from_ends",
    "fiscal_quarter",
    "known_calendar",
    "load_bins",
    "load_calibrations",
    "load_hours",
    "load_passages",
    "load_scores",
    "load_segments",
    "metrics",
    "panel",
    "panel_index",
    "qtd",
    "rollup",
    "year_before",
    "yoy",
]
