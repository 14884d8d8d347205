"""Any detector's ONNX graph, given by its path, to detections."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.labelling.auto.detections import (
    COCO_80,
    COCO_91,
    TRUCK,
    Detections,
    Image,
    kinds_of_names,
    select_boxes,
)
from truckcount.labelling.auto.letterbox import fit_picture
from truckcount.labelling.auto.onnx_outputs import RawBoxes, read_outputs
from truckcount.presence.silent_onnxruntime import onnxruntime
from truckcount.presence.weights import sha256_of

PIXELS = ("unit", "imagenet", "raw")
DEFAULT_SIZE_PX = 640  # where the graph leaves its input size open
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)
TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


class OnnxDetector:
    """A detector's graph under ONNX Runtime, on the CPU.

    Parameters
    ----------
    path : Path
    truck_classes : tuple of int
        The graph's ids that are trucks; empty asks the graph's own class names
        (Ultralytics writes them), or the number of its classes (80 or 91: COCO).
    pixels : str
        ``unit``: values in [0, 1]; ``imagenet``: with ImageNet's mean and deviation
        (DETR); ``raw``: 0-255. A graph that takes bytes is always given them.
    size_px : int, optional
        Of the square input, where the graph leaves it open.
    threads : int

    Raises
    ------
    LabelError
        When the file is no graph, or no detector's.
    """

    def __init__(
        self,
        path: Path,
        *,
        truck_classes: tuple[int, ...] = (),
        pixels: str = "unit",
        size_px: int | None = None,
        threads: int = 1,
    ) -> None:
        if pixels not in PIXELS:
            msg = f"pixels {pixels!r} is not one of {', '.join(PIXELS)}"
            raise LabelError(msg)
        if not path.is_file():
            msg = f"{path} does not exist; give the path of an .onnx file"
            raise LabelError(msg)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            msg = f"{path} cannot be loaded as an ONNX graph: {error}"
            raise LabelError(msg) from error
        self.path = path
        self.model_id = f"{path.stem}@sha256:{sha256_of(path)[:12]}"
        self._pixels = pixels
        self._truck_classes = truck_classes
        self._read_inputs(size_px if size_px is not None else DEFAULT_SIZE_PX)
        names = self._read_names()
        self._n_names = max(names) + 1 if names else None
        self._names = kinds_of_names(names)

    def detect(self, image: Image) -> Detections:
        """Detect in an RGB picture of shape (H, W, 3)."""
        canvas, box = fit_picture(image, self.size)
        feed: dict[str, Any] = {self._input: self._to_input(canvas)}
        if self._size_input is not None:  # RT-DETR's: the size its boxes are in
            feed[self._size_input] = np.array([self.size], np.int64)
        names = [o.name for o in self._session.get_outputs()]
        try:
            values = self._session.run(names, feed)
        except Exception as error:  # ONNX Runtime has no common base of its own
            msg = f"{self.path} cannot be run on a picture of {self.size} px: {error}"
            raise LabelError(msg) from error
        raw = read_outputs(
            dict(zip(names, values, strict=True)), self.size, self._n_names
        )
        height, width = image.shape[:2]
        return select_boxes(
            box.to_picture(raw.boxes),
            raw.scores,
            raw.classes,
            self._kinds(raw),
            (width, height),
        )

    def _kinds(self, raw: RawBoxes) -> Mapping[int, str]:
        """Choose which of the graph's classes are which of ours."""
        if self._truck_classes:
            return dict.fromkeys(self._truck_classes, TRUCK)
        if self._names:
            return self._names
        if raw.n_classes == 80:
            return COCO_80
        if raw.n_classes in {90, 91}:
            return COCO_91
        if raw.n_classes == 1:
            return {0: TRUCK}
        n = "an unknown number of" if raw.n_classes is None else raw.n_classes
        msg = (
            f"{self.path} has {n} classes without names; say which are trucks with "
            "--truck-class (7 in COCO's 80 classes, 8 in its 91)"
        )
        raise LabelError(msg)

    def _to_input(self, canvas: Image) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = canvas
        if self._dtype != np.uint8 and self._pixels != "raw":
            values = canvas.astype(np.float32) / 255
            if self._pixels == "imagenet":
                values = (values - IMAGENET_MEAN) / IMAGENET_STD
        if self._is_channels_first:
            values = values.transpose(2, 0, 1)
        values = np.ascontiguousarray(values, self._dtype)
        return values[None] if self._has_batch else values

    def _read_inputs(self, default_px: int) -> None:
        """Learn the picture input's name, layout, type and size from the graph."""
        inputs = self._session.get_inputs()
        pictures = [i for i in inputs if i.type in TYPES and len(i.shape) in {3, 4}]
        sizes = [i for i in inputs if i.type == "tensor(int64)"]
        if len(pictures) != 1 or len(sizes) > 1 or len(inputs) > 2:
            shown = {i.name: (i.type, i.shape) for i in inputs}
            msg = f"{self.path} takes {shown}; a detector takes one picture"
            raise LabelError(msg)
        picture = pictures[0]
        self._input = picture.name
        self._size_input = sizes[0].name if sizes else None
        self._dtype = TYPES[picture.type]
        self._has_batch = len(picture.shape) == 4
        shape = list(picture.shape)[-3:]
        self._is_channels_first = shape[0] == 3 or shape[2] != 3
        high, wide = shape[1:] if self._is_channels_first else shape[:2]
        self.size = (
            wide if isinstance(wide, int) else default_px,
            high if isinstance(high, int) else default_px,
        )

    def _read_names(self) -> dict[int, str]:
        """Read the class names that Ultralytics keeps in the graph's metadata."""
        raw = self._session.get_modelmeta().custom_metadata_map.get("names", "")
        try:
            names = ast.literal_eval(raw) if raw else {}
        except (ValueError, SyntaxError):
            return {}
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            return {}
        return {int(i): str(name) for i, name in names.items()}
