"""Class names of other people's labels to the classes of a label set."""

import difflib
from collections.abc import Iterable, Sequence

from truckcount.errors import LabelError

TRUCK, AMBIGUOUS = "truck", "ambiguous"
SYNONYMS = {
    "truck": TRUCK,
    "trucks": TRUCK,
    "lorry": TRUCK,
    "hgv": TRUCK,
    "semi": TRUCK,
    "semi_truck": TRUCK,
    "heavy_truck": TRUCK,
    "tractor_trailer": TRUCK,
    "box_truck": TRUCK,
    "tanker": TRUCK,
    "dump_truck": TRUCK,
    "garbage_truck": TRUCK,
    "bus": "bus",
    "van": "van",
    "minivan": "van",
    "car": "car",
    "suv": "car",
    "pickup": "pickup",
    "pickup_truck": "pickup",
    "motorcycle": "motorcycle",
    "motorbike": "motorcycle",
    "bicycle": "bicycle",
    "person": "person",
    "pedestrian": "person",
    "ambiguous": AMBIGUOUS,
}


class ClassMap:
    """Which class of a label set a name of the source is.

    Parameters
    ----------
    pairs : iterable of (name in the source, class of the set)
        What the user says; the rest by common synonyms, then as it is called.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._own = {_plain(name): target for name, target in pairs}
        self.seen: dict[str, int] = {}

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "ClassMap":
        """Read ``NAME=CLASS`` texts.

        >>> ClassMap.parse(["Camion=truck"]).class_of("camion")
        'truck'
        """
        pairs = []
        for text in texts:
            name, sign, target = text.rpartition("=")
            if not sign or not name.strip() or not target.strip():
                msg = f"--class {text!r}: want NAME=CLASS, as lorry=truck"
                raise LabelError(msg)
            pairs.append((name.strip(), target.strip()))
        return cls(pairs)

    def class_of(self, name: str) -> str:
        """Return the set's class of a source's class name."""
        plain = _plain(name)
        return self._own.get(plain) or SYNONYMS.get(plain) or plain or "other"

    def check_declared(self, names: Iterable[str], where: str) -> None:
        """Refuse a source none of whose classes is a truck: all would be `no_truck`.

        Classes given by the user are believed, trucks among them or not.

        Raises
        ------
        LabelError
            Naming the classes there are.
        """
        known = list(dict.fromkeys(names))
        plain = {_plain(n) for n in known}
        for own in self._own:
            if known and own not in plain:
                near = difflib.get_close_matches(own, plain, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                msg = (
                    f"{where}: --class names {own!r}, which is no class of it{hint} "
                    f"(classes: {', '.join(known)})"
                )
                raise LabelError(msg)
        if known and not self._own and all(self.class_of(n) != TRUCK for n in known):
            msg = (
                f"{where}: none of its classes is a truck ({', '.join(known)}); say "
                "which is with --class NAME=truck, or name one as what it is "
                "(--class car=car) where there is really none"
            )
            raise LabelError(msg)


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
