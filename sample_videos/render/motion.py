"""Times to places: vehicles that drive straight lanes, wait, park and leave."""

import math
from bisect import bisect_right
from dataclasses import dataclass


@dataclass
class Actor:
    """One vehicle: what it is and where it is when."""

    kind: str
    is_truck: bool
    build: object
    heading: float
    y: float
    keys: tuple
    """(t_s, x) in time order; between them speed changes smoothly."""
    thing: object = None
    corners: object = None

    def place(self, t):
        """Return (x, y, heading) at a time."""
        times = [k[0] for k in self.keys]
        i = bisect_right(times, t) - 1
        if i < 0:
            (t0, x0), (t1, x1) = self.keys[0], self.keys[1]
            return x0 + (x1 - x0) / (t1 - t0) * (t - t0), self.y, self.heading
        if i >= len(self.keys) - 1:
            (t0, x0), (t1, x1) = self.keys[-2], self.keys[-1]
            return x1 + (x1 - x0) / (t1 - t0) * (t - t1), self.y, self.heading
        (t0, x0), (t1, x1) = self.keys[i], self.keys[i + 1]
        return x0 + (x1 - x0) * (t - t0) / (t1 - t0), self.y, self.heading


def drive(kind, build, is_truck, y, x_at, t_at, speed, sign=1):
    """Drive through x_at at t_at with a steady speed (m/s) along sign * x."""
    keys = ((t_at - 20, x_at - sign * speed * 20), (t_at + 20, x_at + sign * speed * 20))
    return Actor(kind, is_truck, build, 0.0 if sign > 0 else math.pi, y, keys)


def stop_and_go(kind, build, is_truck, y, stops, speed, sign=1, t_start=0.0, x_start=0.0):
    """Drive, stand at each (x, seconds), drive on; brakes and starts are soft."""
    t, x = t_start, x_start
    keys = [(t, x)]
    for stop_x, wait_s in stops:
        way = abs(stop_x - x)
        brake = min(8.0, way / 2)
        t += (way - brake) / speed
        keys.append((t, stop_x - sign * brake))
        for share, slow in ((0.5, 0.7), (0.3, 0.4), (0.2, 0.2)):
            t += brake * share / (speed * slow)
            done = {0.5: 0.5, 0.3: 0.8, 0.2: 1.0}[share]
            keys.append((t, stop_x - sign * brake * (1 - done)))
        t += wait_s
        keys.append((t, stop_x))
        for part, slow in ((0.2, 0.2), (0.3, 0.45), (0.5, 0.75)):
            t += 8.0 * part / (speed * slow)
            keys.append((t, keys[-1][1] + sign * 8.0 * part))
        x = keys[-1][1]
    keys.append((t + 30, x + sign * speed * 30))
    return Actor(kind, is_truck, build, 0.0 if sign > 0 else math.pi, y, tuple(keys))


def park(kind, build, is_truck, y, x, speed, sign=1, x_start=None, t_start=0.0):
    """Stand at x all the time, or drive there from x_start and stay."""
    if x_start is None:
        return Actor(kind, is_truck, build, 0.0 if sign > 0 else math.pi, y, ((0.0, x), (1e4, x)))
    moving = stop_and_go(kind, build, is_truck, y, [(x, 1e4)], speed, sign, t_start, x_start)
    return moving
