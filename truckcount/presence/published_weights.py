"""Weights that others published, as `.pth`, to tensors.

Such a file is a pickle: who reads one plainly runs what it says. The one call of
``torch.load`` in truckcount stands here. It takes tensors and refuses all else, and
the file's SHA-256 is compared first, also where it lay in the cache already: what
torchvision itself does with its weights is neither.
"""

import hashlib
import pickle
import re
import sys
from pathlib import Path

import torch
from torch import Tensor

from truckcount.errors import WeightsError

State = dict[str, Tensor]

NAMED_DIGEST = re.compile(r"-([0-9a-f]{8,})\.\w+$")
"""torchvision's names end in the first digits of the file's SHA-256."""


def cached_path(url: str) -> Path:
    """Return where torch's cache keeps what a URL gives."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def load_published(url: str) -> State:
    """Load weights from torch's cache, fetching them first where they are not in it.

    Parameters
    ----------
    url : str
        Its last part should end in digits of the file's SHA-256, as torchvision's do.

    Raises
    ------
    WeightsError
        When they cannot be fetched, are others than published, or hold no tensors.
    """
    path = cached_path(url)
    named = NAMED_DIGEST.search(url)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = None if named is None else named[1]
        try:
            torch.hub.download_url_to_file(
                url, str(path), prefix, progress=sys.stderr.isatty()
            )
        except OSError as error:  # urllib's errors are of this kind
            msg = (
                f"{url} cannot be downloaded ({error}); fetch it on a machine that can "
                f"and put it at {path}"
            )
            raise WeightsError(msg) from error
        except RuntimeError as error:  # a bad hash
            msg = f"{url} cannot be read: {error}"
            raise WeightsError(msg) from error
    return read_tensors(path, "" if named is None else named[1])


def read_tensors(path: Path, digest: str) -> State:
    """Read a file of tensors by name; no code in it is run.

    Parameters
    ----------
    digest : str
        What the file's SHA-256 must begin with, hexadecimal.

    Raises
    ------
    WeightsError
        When it is another file, or holds anything but tensors by name.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(digest):
            msg = f"{path} is damaged (sha256 {found[:8]}, not {digest[:8]}); delete it"
            raise WeightsError(msg)
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as e:
        what = str(e).splitlines()[0] if str(e) else type(e).__name__
        msg = f"{path} cannot be read as weights: {what}; nothing in it was run"
        raise WeightsError(msg) from e
    is_state = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor)
        for name, value in state.items()
    )
    if not is_state:
        msg = f"{path} cannot be read as weights: it holds other than tensors by name"
        raise WeightsError(msg)
    return state
