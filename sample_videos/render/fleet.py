"""Kinds of vehicles with the class the labels give them."""

import random

import cars
import trucks

WORK_COLOURS = ("white", "white", "red", "blue", "green", "orange", "yellow", "silver", "black")
CAR_COLOURS = ("white", "silver", "grey", "black", "blue", "red", "green", "beige", "brown")

TRUCKS = {
    "semi": lambda r, p: trucks.semi(r.choice(WORK_COLOURS), r.choice(("white", "white", "silver", "red", "blue", "beige", "green")), True, p),
    "day_semi": lambda r, p: trucks.day_semi(r.choice(WORK_COLOURS), r.choice(("white", "silver", "yellow", "blue", "grey")), p),
    "box_truck": lambda r, p: trucks.box_truck(r.choice(WORK_COLOURS), r.choice(("white", "white", "silver", "yellow", "orange", "blue")), p),
    "dump_truck": lambda r, p: trucks.dump_truck(r.choice(("yellow", "orange", "red", "white", "blue")), p),
    "tanker": lambda r, p: trucks.tanker(r.choice(WORK_COLOURS), p),
    "step_van": lambda r, p: trucks.step_van(r.choice(("brown", "white", "white", "blue", "beige")), p),
}
OTHERS = {
    "sedan": ("car", lambda r, p: cars.sedan(r.choice(CAR_COLOURS), p)),
    "suv": ("car", lambda r, p: cars.suv(r.choice(CAR_COLOURS), p)),
    "pickup": ("pickup", lambda r, p: cars.pickup(r.choice(CAR_COLOURS), p)),
    "panel_van": ("van", lambda r, p: cars.panel_van(r.choice(("white", "white", "white", "silver", "black", "red", "blue")), p)),
    "bus": ("bus", lambda r, p: cars.bus(r.choice(("blue", "red", "white", "green", "yellow", "silver")), p)),
}


def build(kind, seed, power=0.5):
    """Build a vehicle of a kind; the seed chooses its colours."""
    rng = random.Random(seed)
    if kind in TRUCKS:
        return TRUCKS[kind](rng, power)
    return OTHERS[kind][1](rng, power)


def class_of(kind):
    """Return the label class of a kind."""
    return "truck" if kind in TRUCKS else OTHERS[kind][0]
