"""Scores to passages to hours: pure functions of their arguments."""

from truckcount.counting.coverage import Coverage, measure_coverage
from truckcount.counting.hours import count_hours, unwatched_row
from truckcount.counting.options import CountingOptions
from truckcount.counting.passages import GateCounter, count_passages, sort_passages
from truckcount.counting.stills import count_present, count_still_hours

__all__ = [
    "CountingOptions",
    "Coverage",
    "GateCounter",
    "count_hours",
    "count_passages",
    "count_present",
    "count_still_hours",
    "measure_coverage",
    "sort_passages",
    "unwatched_row",
]
