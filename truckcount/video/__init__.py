"""Bytes to samples: the only package that decodes.

``find_sources`` -> ``probe_video`` -> ``resolve_start`` -> ``open_decoder``.
"""

from truckcount.domain.credentials import mask_credentials
from truckcount.video.access import MAX_PIXELS
from truckcount.video.decoder import Decoder, open_decoder
from truckcount.video.key_frames import KEY_GAP_TICKS, measure_key_gap_us
from truckcount.video.probe import Probe, probe_video
from truckcount.video.sources import (
    Source,
    absolute_name,
    check_settled,
    find_sources,
    fingerprint,
    fold_stills,
    is_live_url,
)
from truckcount.video.start_time import (
    read_source_name,
    resolve_start,
    split_camera_name,
)

__all__ = [
    "KEY_GAP_TICKS",
    "MAX_PIXELS",
    "Decoder",
    "Probe",
    "Source",
    "absolute_name",
    "check_settled",
    "find_sources",
    "fingerprint",
    "fold_stills",
    "is_live_url",
    "mask_credentials",
    "measure_key_gap_us",
    "open_decoder",
    "probe_video",
    "read_source_name",
    "resolve_start",
    "split_camera_name",
]
