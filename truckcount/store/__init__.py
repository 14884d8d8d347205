"""Tables to parquet and back: schema, layout, publishing."""

from truckcount.store.hours_table import HourStamp
from truckcount.store.segment_record import SegmentRecord
from truckcount.store.store import Store

__all__ = ["HourStamp", "SegmentRecord", "Store"]
