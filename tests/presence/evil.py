"""Files that would run code in who unpickles them, in every form that torch reads."""

import os
import pickle

import torch


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def write_evil(path, mark, form="zip"):
    """Write a file that makes the folder `mark` where it is unpickled."""
    state = {"layer": torch.arange(4.0), "evil": Evil(mark)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(state))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    return path
