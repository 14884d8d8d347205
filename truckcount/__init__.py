"""Counts trucks in fixed traffic-camera video; writes hourly parquet.

The pipeline, hop by hop::

    video      decodes a file to samples on an absolute grid of ticks
    presence   scores the gate views of a sample with a small network
    counting   debounces and follows the scores to passages, passages to hours
    store      keeps scores, passages, hours and segments as parquet
    features   reads hours as of a moment for an earnings model

>>> import truckcount
>>> sorted(truckcount.__all__)[:2]
['RunOptions', 'RunResult']
"""

from typing import TYPE_CHECKING, Any

from truckcount.errors import TruckcountError

if TYPE_CHECKING:
    from truckcount.pipeline.api import run
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.result import RunResult

__version__ = "0.1.0"
__all__ = ["RunOptions", "RunResult", "TruckcountError", "__version__", "run"]

_LAZY = {
    "run": "truckcount.pipeline.api",
    "RunOptions": "truckcount.pipeline.config",
    "RunResult": "truckcount.pipeline.result",
}

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Import on first use: `truckcount --help` must not pay for a decoder."""
        if name in _LAZY:
            from importlib import import_module

            return getattr(import_module(_LAZY[name]), name)
        msg = f"module 'truckcount' has no attribute {name!r}"
        raise AttributeError(msg)

    def __dir__() -> list[str]:
        """Show a notebook's Tab what is imported on first use, too."""
        return sorted({*globals(), *__all__})
