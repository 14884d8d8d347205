"""Keep pyarrow from importing pandas, which a run and a watch do not use."""

import sys
from typing import Any


class _NoPandas:
    """A finder by which there is no pandas."""

    def find_spec(self, name: str, *_: Any) -> None:
        """Refuse pandas; leave all others to the finders behind."""
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def hold_back_pandas() -> None:
    """Make pyarrow take this process for one without pandas.

    Its first array looks for pandas to know Series by: half a second of CPU time and
    40 MB. It looks once. ``Table.to_pandas`` looks again and works as ever, but until
    then `pyarrow.array` of a Series keeps its NaN: for commands that own the process
    and hand pyarrow no Series. Nothing is done where pandas is loaded already.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
