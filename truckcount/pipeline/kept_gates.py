"""A run without ``cameras.toml`` to whether its store was counted by gates."""

from collections.abc import Iterable

from truckcount.domain.camera import WHOLE_PICTURE, Camera
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions
from truckcount.store import Store
from truckcount.store.store import KEPT_CAMERAS


def check_kept_gates(
    store: Store, options: RunOptions, offered: Iterable[tuple[str, Camera]]
) -> None:
    """Refuse whole pictures of cameras that the store counts by gates.

    Who forgot ``--cameras`` would have each truck twice in the store: once at its
    gate, once in the whole picture.

    Parameters
    ----------
    offered : iterable of (path, Camera)
        Files or URLs, and whose they are taken for.

    Raises
    ------
    ConfigError
        With the way out.
    """
    kept = store.root / KEPT_CAMERAS
    if options.cameras is not None or options.gate is not None or not kept.exists():
        return
    book = load_cameras(kept)
    gates_of = {camera.name: camera.gates for camera in book.cameras}
    for path, camera in offered:
        name = camera.name if options.camera else book.camera_for(path).name
        gates = gates_of.get(name, (WHOLE_PICTURE,))
        if gates != (WHOLE_PICTURE,):
            names = ", ".join(gate.name for gate in gates)
            msg = (
                f"{store.root} has {name} counted by gates ({names}), and none are "
                "given: the whole picture would be counted beside them, each truck "
                f"twice; give --cameras, as the store's own copy {kept}, or another "
                "--store"
            )
            raise ConfigError(msg)
