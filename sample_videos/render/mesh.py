"""Boxes, profiles and cylinders to one mesh object with materials."""

import math

import bmesh
import bpy
from mathutils import Matrix, Vector


class MeshBuilder:
    """Collects parts of one vehicle or building; x forward, y left, z up, metres."""

    def __init__(self) -> None:
        self._mesh = bmesh.new()
        self._materials: list[bpy.types.Material] = []

    def box(self, centre, size, material, bevel=0.03) -> None:
        """Add a bevelled box."""
        made = bmesh.ops.create_cube(self._mesh, size=1.0)["verts"]
        bmesh.ops.scale(self._mesh, vec=Vector(size), verts=made)
        bmesh.ops.translate(self._mesh, vec=Vector(centre), verts=made)
        self._finish(made, material, min(bevel, 0.3 * min(size)))

    def profile(self, points, width, material, y=0.0, bevel=0.06, taper=1.0) -> None:
        """Extrude a side view of (x, z) points over a width; taper narrows its top."""
        half = width / 2
        heights = [z for _, z in points]
        low, high = min(heights), max(heights)
        rows = []
        for side in (-1, 1):
            rows.append(
                [
                    self._mesh.verts.new(
                        (
                            x,
                            y
                            + side
                            * half
                            * (1 + (taper - 1) * (z - low) / max(high - low, 1e-6)),
                            z,
                        )
                    )
                    for x, z in points
                ]
            )
        faces = [self._mesh.faces.new(rows[0]), self._mesh.faces.new(rows[1][::-1])]
        n = len(points)
        for i in range(n):
            j = (i + 1) % n
            faces.append(
                self._mesh.faces.new([rows[0][j], rows[0][i], rows[1][i], rows[1][j]])
            )
        bmesh.ops.recalc_face_normals(self._mesh, faces=faces)
        self._finish(rows[0] + rows[1], material, bevel)

    def cylinder(self, centre, radius, length, axis, material, segments=20) -> None:
        """Add a cylinder along ``x``, ``y`` or ``z``."""
        turn = {
            "x": Matrix.Rotation(math.pi / 2, 3, "Y"),
            "y": Matrix.Rotation(math.pi / 2, 3, "X"),
            "z": Matrix.Identity(3),
        }[axis]
        made = bmesh.ops.create_cone(
            self._mesh,
            cap_ends=True,
            segments=segments,
            radius1=radius,
            radius2=radius,
            depth=length,
        )["verts"]
        bmesh.ops.rotate(self._mesh, cent=(0, 0, 0), matrix=turn, verts=made)
        bmesh.ops.translate(self._mesh, vec=Vector(centre), verts=made)
        self._finish(made, material, 0.0)

    def clump(self, centre, radius, material, rng) -> None:
        """Add a ragged ball: leaves seen from afar."""
        made = bmesh.ops.create_icosphere(self._mesh, subdivisions=2, radius=radius)["verts"]
        for vert in made:
            vert.co *= rng.uniform(0.72, 1.18)
            vert.co.z *= 0.85
        bmesh.ops.translate(self._mesh, vec=Vector(centre), verts=made)
        self._finish(made, material, 0.0)

    def wheel(self, x, y, radius, width, tyre, rim) -> None:
        """Add a wheel whose outside faces away from y = 0."""
        self.cylinder((x, y, radius), radius, width, "y", tyre)
        out = math.copysign(width / 2 - 0.01, y)
        self.cylinder((x, y + out, radius), radius * 0.55, 0.05, "y", rim, 14)

    def to_object(self, name: str) -> bpy.types.Object:
        """Make the object and link it to the scene."""
        data = bpy.data.meshes.new(name)
        self._mesh.to_mesh(data)
        self._mesh.free()
        for material in self._materials:
            data.materials.append(material)
        thing = bpy.data.objects.new(name, data)
        bpy.context.scene.collection.objects.link(thing)
        return thing

    def _finish(self, verts, material, bevel) -> None:
        if material not in self._materials:
            self._materials.append(material)
        index = self._materials.index(material)
        faces = {face for vert in verts for face in vert.link_faces}
        for face in faces:
            face.material_index = index
        if bevel > 0:
            edges = list({edge for vert in verts for edge in vert.link_edges})
            made = bmesh.ops.bevel(
                self._mesh,
                geom=edges,
                offset=bevel,
                segments=2,
                affect="EDGES",
                clamp_overlap=True,
            )
            for face in made["faces"]:
                face.material_index = index
