"""What becomes of `--jobs` on this machine, in one line."""

from truckcount.cli._console import say
from truckcount.pipeline.config import RunOptions


def say_jobs(options: RunOptions) -> None:
    """Say where fewer files are read at a time than was asked for."""
    from truckcount.pipeline.executors import usable_jobs
    from truckcount.presence.devices import is_on_gpu

    n = usable_jobs(options.jobs)
    if n < options.jobs and options.dask is None and not is_on_gpu(options.device):
        say(f"--jobs {options.jobs}: {n} files at a time, one a core of this machine")
