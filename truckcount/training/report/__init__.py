"""A finished run to one HTML page that people like to open."""

from truckcount.training.report.page import write_report

__all__ = ["write_report"]
