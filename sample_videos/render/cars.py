"""Kinds of vehicles that are no trucks to mesh objects."""

import materials as m
from mesh import MeshBuilder


def _wheels(b, front, rear, half, radius):
    for x in (front, rear):
        for side in (-1, 1):
            b.wheel(x, side * (half - 0.1), radius, 0.22, m.rubber(), m.chrome())


def _lights(b, front, rear, half, z, power, rear_z=None):
    for side in (-1, 1):
        b.box((front, side * (half - 0.28), z), (0.08, 0.36, 0.14), m.lamp("head", (1, 0.95, 0.85), power), 0)
        b.box((rear, side * (half - 0.2), rear_z or z + 0.1), (0.06, 0.24, 0.16), m.lamp("tail", (0.9, 0.03, 0.02), power * 0.25), 0)


def _car(colour, lower, cabin, roof, half, axles, radius, power, lamp_z):
    b = MeshBuilder()
    body = m.paint(colour)
    b.profile(lower, 2 * half, body, bevel=0.09, taper=0.97)
    b.profile(cabin, 2 * half - 0.12, m.glass(), bevel=0.04, taper=0.82)
    b.profile(roof, (2 * half - 0.12) * 0.84, body, bevel=0.03)
    _wheels(b, *axles, half, radius)
    front, rear = max(x for x, _ in lower), min(x for x, _ in lower)
    _lights(b, front - 0.06, rear + 0.03, half, lamp_z, power)
    b.box((front + 0.01, 0, 0.42), (0.08, 1.5, 0.2), m.frame(), 0.02)
    return b


def sedan(colour="silver", power=0.5):
    """Build a sedan."""
    b = _car(
        colour,
        [(2.3, 0.35), (2.32, 0.68), (2.1, 0.80), (0.95, 0.95), (-1.4, 0.98), (-2.25, 0.92), (-2.3, 0.4)],
        [(1.0, 0.92), (0.25, 1.40), (-0.75, 1.42), (-1.65, 0.95)],
        [(0.22, 1.40), (0.05, 1.45), (-0.65, 1.46), (-0.78, 1.41)],
        0.9, (1.4, -1.4), 0.33, power, 0.68,
    )
    return b.to_object("sedan")


def suv(colour="black", power=0.5):
    """Build an SUV."""
    b = _car(
        colour,
        [(2.3, 0.42), (2.32, 0.85), (2.1, 1.02), (1.05, 1.12), (-2.25, 1.15), (-2.32, 0.5)],
        [(1.1, 1.08), (0.45, 1.66), (-1.9, 1.68), (-2.2, 1.1)],
        [(0.42, 1.66), (0.3, 1.72), (-1.85, 1.74), (-1.95, 1.67)],
        0.95, (1.45, -1.45), 0.38, power, 0.86,
    )
    return b.to_object("suv")


def pickup(colour="red", power=0.5):
    """Build a crew-cab pickup with an open bed."""
    b = _car(
        colour,
        [(2.85, 0.5), (2.87, 0.95), (2.65, 1.12), (1.5, 1.18), (-0.95, 1.2), (-0.95, 0.5)],
        [(1.5, 1.15), (0.85, 1.78), (-0.75, 1.80), (-0.9, 1.15)],
        [(0.82, 1.78), (0.7, 1.84), (-0.7, 1.86), (-0.78, 1.79)],
        0.98, (1.85, -1.85), 0.40, power, 0.95,
    )
    body = m.paint(colour)
    b.box((-1.9, 0, 0.72), (1.95, 1.9, 0.2), m.frame(), 0.02)
    for side in (-1, 1):
        b.box((-1.9, side * 0.93, 0.95), (1.95, 0.1, 0.55), body, 0.03)
    b.box((-2.86, 0, 0.95), (0.1, 1.9, 0.55), body, 0.03)
    _lights(b, -0.9, -2.9, 0.98, 0.95, power)
    return b.to_object("pickup")


def panel_van(colour="white", power=0.5):
    """Build a Transit-like van: no separate cargo body."""
    b = MeshBuilder()
    body = m.paint(colour)
    b.profile([(2.75, 0.4), (2.78, 0.9), (2.55, 1.15), (1.85, 1.35), (1.0, 2.35), (0.7, 2.5), (-2.7, 2.5), (-2.8, 2.35), (-2.8, 0.4)], 1.98, body, bevel=0.12, taper=0.93)
    b.profile([(1.87, 1.38), (1.08, 2.28), (1.0, 2.25), (1.80, 1.34)], 1.7, m.glass(), bevel=0)
    for side in (-1, 1):
        b.box((0.95, side * 0.955, 1.7), (0.95, 0.05, 0.5), m.glass(), 0)
        b.box((1.6, side * 1.12, 1.45), (0.1, 0.2, 0.25), m.frame(), 0.02)
    b.box((2.8, 0, 0.5), (0.1, 1.8, 0.25), m.frame(), 0.03)
    _wheels(b, 1.85, -1.8, 0.99, 0.36)
    _lights(b, 2.72, -2.82, 0.97, 0.95, power, 1.2)
    return b.to_object("panel_van")


def bus(colour="blue", power=0.5):
    """Build a 12 m city bus: glass all along."""
    b = MeshBuilder()
    body = m.paint(colour)
    b.profile([(6.0, 0.35), (6.02, 1.2), (5.85, 2.9), (5.7, 3.05), (-5.9, 3.05), (-6.0, 2.9), (-6.0, 0.35)], 2.5, body, bevel=0.12)
    b.box((-0.2, 0, 2.05), (11.3, 2.53, 0.95), m.glass(), 0.02)
    for k in range(8):
        b.box((-5.0 + 1.45 * k, 0, 2.05), (0.12, 2.55, 0.98), body, 0)
    b.profile([(6.04, 1.1), (5.90, 2.75), (5.84, 2.75), (5.96, 1.1)], 2.3, m.glass(), bevel=0)
    b.box((5.90, 0, 2.9), (0.06, 1.6, 0.22), m.lamp("sign", (1, 0.6, 0.1), 1.5), 0)
    b.box((-1.0, 0, 3.15), (3.0, 1.8, 0.25), m.plain("unit", (0.6, 0.6, 0.6)), 0.06)
    for x in (3.6, -3.2):
        for side in (-1, 1):
            b.wheel(x, side * 1.12, 0.48, 0.28, m.rubber(), m.chrome())
    _lights(b, 6.0, -6.02, 1.2, 0.75, power, 1.0)
    return b.to_object("bus")
