"""Scores to passages to hours: pure functions of their arguments."""

from truckcount.counting.coverage import Coverage, measure_coverage
from truckcount.counting.hours import count_hours
from truckcount.counting.options import CountingOptions
from truckcount.counting.passages import GateCounter, count_passages, sort_passages

__all__ = [
    "CountingOptions",
    "Coverage",
    "GateCounter",
    "count_hours",
    "count_passages",
    "measure_coverage",
    "sort_passages",
]
