"""ONNX Runtime without its telemetry: the one place that imports it.

From 1.32 on its Linux wheels name the machine in ``~/.cache/Microsoft`` and send what
is run to ``mobile.events.data.microsoft.com`` unless the environment says no when
the library is loaded. ``disable_telemetry_events()`` after the import comes too late
for that (measured: the file is written), so the variable is set before it.
"""

import os

# a 0 that stands there is overruled: it was said to another program, and a camera's
# machine promises that nothing leaves it (docs/privacy.md)
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

# where a program loaded it before it asked for truckcount, at least stop from here on
if hasattr(onnxruntime, "disable_telemetry_events"):
    onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
