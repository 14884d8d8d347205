"""What can go wrong, as one tree.

::

    TruckcountError
    ├── VideoError
    │   ├── VideoNotFoundError   (also FileNotFoundError)
    │   ├── DecodeError
    │   │   ├── AccessDeniedError
    │   │   └── EmptyVideoError
    │   ├── GrowingFileError
    │   └── ClockError
    │       └── AmbiguousTimeError
    ├── ModelError
    │   ├── WeightsError
    │   └── InputShapeError      (also ValueError)
    ├── CountingError
    ├── StoreError
    │   ├── SchemaError
    │   ├── StoreLockedError
    │   └── StoreVersionError
    ├── FeatureError
    │   ├── CalibrationError
    │   ├── MissingHoursError
    │   └── NaiveTimeError       (also TypeError)
    ├── LabelError
    │   └── EmptySourceError
    ├── BenchError
    ├── ClusterError
    └── ConfigError              (also ValueError)

Every message says what happened, where (camera, file, PTS), the value seen and
what to do. Catch one branch or all::

    try:
        truckcount.run("video.mp4")
    except truckcount.TruckcountError as error:
        print(error)
"""

__all__ = [
    "AccessDeniedError",
    "AmbiguousTimeError",
    "BenchError",
    "CalibrationError",
    "ClockError",
    "ClusterError",
    "ConfigError",
    "CountingError",
    "DecodeError",
    "EmptySourceError",
    "EmptyVideoError",
    "FeatureError",
    "GrowingFileError",
    "InputShapeError",
    "LabelError",
    "MissingHoursError",
    "ModelError",
    "NaiveTimeError",
    "SchemaError",
    "StoreError",
    "StoreLockedError",
    "StoreVersionError",
    "TruckcountError",
    "VideoError",
    "VideoNotFoundError",
    "WeightsError",
]


class TruckcountError(Exception):
    """Base of every error this package raises on purpose."""


class VideoError(TruckcountError):
    """A video cannot be read."""


class VideoNotFoundError(VideoError, FileNotFoundError):
    """No file, folder or glob match stands at the given place."""


class DecodeError(VideoError):
    """The bytes are not a video, or hold no decodable picture."""


class AccessDeniedError(DecodeError):
    """A camera wants another user or password."""


class EmptyVideoError(DecodeError):
    """A file has no bytes."""


class GrowingFileError(VideoError):
    """A file was written to moments ago and may still grow."""


class ClockError(VideoError):
    """No trustworthy start time can be had for a video."""


class AmbiguousTimeError(ClockError):
    """A local start time is of two moments, or of none: a clock change."""


class ModelError(TruckcountError):
    """A network cannot be loaded or run."""


class WeightsError(ModelError):
    """Weights are missing, damaged or not what their header says."""


class InputShapeError(ModelError, ValueError):
    """An array has a shape the network does not take."""


class CountingError(TruckcountError):
    """Scores cannot be counted, as when their times run backwards."""


class StoreError(TruckcountError):
    """A store cannot be read or written."""


class SchemaError(StoreError):
    """A table's columns or types are not those of the schema."""


class StoreLockedError(StoreError):
    """Another process holds the camera's lock."""


class StoreVersionError(StoreError):
    """A newer truckcount wrote this store."""


class FeatureError(TruckcountError):
    """A feature cannot be computed from the hours."""


class CalibrationError(FeatureError):
    """An audit is drawn, labelled or used in a way that would mislead."""


class MissingHoursError(FeatureError):
    """An hour that should have a row has none."""


class NaiveTimeError(FeatureError, TypeError):
    """A moment has no zone, so that nobody knows which moment it is."""


class LabelError(TruckcountError):
    """A label set is not what its format says."""


class EmptySourceError(LabelError):
    """What should give frames, labels or votes gives none that can be used."""


class ClusterError(TruckcountError):
    """The cluster that scores was lost in the middle; what was done is kept."""


class BenchError(TruckcountError):
    """A cost cannot be measured."""


class ConfigError(TruckcountError, ValueError):
    """An option or a configuration file holds a value that cannot be used."""
