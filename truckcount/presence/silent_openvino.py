"""OpenVINO without its telemetry: the one place that imports it.

``import openvino`` sends an event to Google Analytics where its package
``openvino_telemetry`` can be imported; it has a stub of its own where that cannot.
So it cannot, for as long as the import lasts.
"""

import sys
from typing import Any

NAME = "openvino_telemetry"


def import_openvino() -> Any:
    """Import OpenVINO; nothing leaves the machine.

    Raises
    ------
    ImportError
        When it is not installed.
    """
    before = sys.modules.get(NAME)
    sys.modules[NAME] = None  # type: ignore[assignment]  # "not to be found"
    try:
        import openvino
    finally:
        del sys.modules[NAME]
        if before is not None:
            sys.modules[NAME] = before
    return openvino
