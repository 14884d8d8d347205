"""Whether this processor computes in bfloat16."""

from importlib.util import find_spec
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def why_no_bf16() -> str | None:
    """Say why OpenVINO cannot compute in bfloat16 here; None where it can."""
    if find_spec("openvino") is None:
        return "pip install 'truckcount[openvino]'"
    if not has_bf16():
        return "this processor has no avx512_bf16 or amx_bf16, and would be slower"
    return None


def has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """Tell whether this processor has instructions for bfloat16 (Linux alone)."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not BF16_FLAGS.isdisjoint(flags.split())
