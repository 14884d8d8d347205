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
# a name with one of these words may be a truck, unless it says that it is none
TRUCK_WORDS = frozenset({"truck", "trucks", "lorry", "lorries", "hgv", "hgvs"})
NO_WORDS = frozenset({"no", "not", "non", "without"})


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

    def is_known(self, name: str) -> bool:
        """Tell whether the user, or a synonym, says what a name is."""
        plain = _plain(name)
        return plain in self._own or plain in SYNONYMS

    def check_declared(self, names: Iterable[str], where: str) -> None:
        """Refuse a source none of whose classes is a truck: all would be `no_truck`.

        Classes given by the user are believed, trucks among them or not. Refused,
        too, is a name such as `single unit truck` of which nobody said what it is:
        its pictures would become `no_truck`, if others are trucks.

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
        open_ones = [n for n in known if not self.is_known(n) and _may_be_truck(n)]
        if open_ones:
            first = open_ones[0]
            msg = (
                f"{where}: {', '.join(open_ones)} may be trucks or not; say what each "
                f'is, as --class "{first}=truck" or --class "{first}=other"'
            )
            raise LabelError(msg)


def _may_be_truck(name: str) -> bool:
    words = set(_plain(name).split("_"))
    return bool(words & TRUCK_WORDS) and not words & NO_WORDS


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
