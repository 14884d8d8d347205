"""Training's progress as a bar on stderr, when that is a terminal."""

from typing import TYPE_CHECKING

from truckcount.cli._bar import is_watched, make_bar

if TYPE_CHECKING:
    from truckcount.training.classifier.loop import Progress


class TrainingBar:
    """Shows steps done, loss, speed, the last epoch's accuracy and the time left."""

    def __init__(self) -> None:
        self._progress = make_bar()
        self._task = self._progress.add_task("training", total=None, note="")
        self._progress.start()

    def packed(self, n_done: int, n_all: int) -> None:
        """Show frames being packed."""
        note = f"packing frames {n_done}/{n_all}"
        self._progress.update(self._task, completed=n_done, total=n_all, note=note)

    def stepped(self, progress: "Progress") -> None:
        """Show a step of training."""
        latest = progress.latest.get("val_balanced_accuracy")
        note = (
            f"epoch {progress.epoch + 1}, loss {progress.loss:.3f}, "
            f"{progress.images_per_s:.0f} images/s"
            + ("" if latest is None else f", validation {100 * latest:.1f} %")
        )
        self._progress.update(
            self._task, completed=progress.step, total=progress.n_steps, note=note
        )

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def bar_for(*, is_quiet: bool) -> TrainingBar | None:
    """Return a bar where someone looks at one."""
    return TrainingBar() if is_watched(is_quiet=is_quiet) else None
