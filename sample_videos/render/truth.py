"""Where vehicles are to what a camera shows of them, and to passages."""

import bpy
import cv2
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector

STEP_S = 0.02


def picture_box(scene, corners, place):
    """Project 8 corners, moved by a matrix: (x1, y1, x2, y2) in fractions or None."""
    points = [world_to_camera_view(scene, scene.camera, place @ c) for c in corners]
    if any(p.z <= 0.1 for p in points):
        return None
    xs, ys = [p.x for p in points], [1 - p.y for p in points]
    return min(xs), min(ys), max(xs), max(ys)


def silhouette(scene, thing, place, mask):
    """Mark the pixels that an object, moved by a matrix, covers in the picture."""
    height, width = mask.shape
    lens = scene.camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=width, y=height)
    to_picture = np.array(lens @ scene.camera.matrix_world.inverted() @ place)
    mesh = thing.data
    verts = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", verts)
    spots = np.c_[verts.reshape(-1, 3), np.ones(len(mesh.vertices))] @ to_picture.T
    if (spots[:, 3] < 0.1).any():
        return
    x = (spots[:, 0] / spots[:, 3] + 1) / 2 * width
    y = (1 - spots[:, 1] / spots[:, 3]) / 2 * height
    pixels = np.clip(np.c_[x, y], -4 * width, 4 * width).round().astype(np.int32)
    for face in mesh.polygons:
        cv2.fillConvexPoly(mask, pixels[list(face.vertices)], 1)


def corners_of(thing):
    """Return the 8 corners of an object's own bounding box."""
    return [Vector(c) for c in thing.bound_box]


def pose(x, y, heading):
    """Return the matrix of a vehicle on the ground."""
    return Matrix.Translation((x, y, 0)) @ Matrix.Rotation(heading, 4, "Z")


def clip_box(box):
    """Cut a box to the picture; None where nothing is left."""
    x1, y1, x2, y2 = (max(0.0, min(1.0, v)) for v in box)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def is_inside(polygon, x, y):
    """Even-odd rule."""
    inside = False
    xa, ya = polygon[-1]
    for xb, yb in polygon:
        if (y < ya) != (y < yb) and x < xa + (y - ya) / (yb - ya) * (xb - xa):
            inside = not inside
        xa, ya = xb, yb
    return inside


def passages_of(scene, shot, actors):
    """Follow every truck's visible box centre through the gate.

    Returns rows (onset_s, offset_s, direction, kind, censored, is_parked).
    """
    rows = []
    for actor in actors:
        if not actor.is_truck:
            continue
        stays, start, first, last = [], None, None, None
        n = int(shot.duration_s / STEP_S)
        for k in range(n + 1):
            t = k * STEP_S
            box = picture_box(scene, actor.corners, pose(*actor.place(t)))
            box = clip_box(box) if box else None
            centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) if box else None
            now = centre is not None and is_inside(shot.polygon, *centre)
            if now and start is None:
                start, first = t, centre
            if now:
                last = centre
            if start is not None and (not now or k == n):
                stays.append((start, t, first, last))
                start = None
        for onset, offset, a, b in stays:
            dx, dy = (b[0] - a[0]) * shot.aspect, b[1] - a[1]
            vx, vy = shot.in_vector[0] * shot.aspect, shot.in_vector[1]
            is_parked = (dx * dx + dy * dy) ** 0.5 < 0.01
            direction = "" if is_parked else ("in" if dx * vx + dy * vy > 0 else "out")
            censored = "start" if onset == 0 else ("end" if offset >= shot.duration_s - STEP_S else "")
            rows.append((round(onset, 2), round(offset, 2), direction, actor.kind, censored, is_parked))
    return sorted(rows)
