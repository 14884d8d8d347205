"""Roads, yards, buildings, trees, light and camera to a Blender scene."""

import math
import os
import random

import bpy
import materials as m
from mathutils import Vector
from mesh import MeshBuilder


def reset(width, height, samples):
    """Start an empty scene for Cycles on the CPU."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 4
    scene.cycles.diffuse_bounces = 2
    scene.cycles.glossy_bounces = 2
    scene.cycles.transmission_bounces = 0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.image_settings.file_format = "PNG"
    scene.render.threads_mode = "FIXED"
    scene.render.threads = int(os.environ.get("RENDER_THREADS", "2"))
    scene.view_settings.view_transform = "Filmic"
    return scene


def light(scene, kind, azimuth_deg=140.0):
    """Set sky, sun and exposure: day, low, overcast, rain, dusk or night."""
    spec = {
        "day": (46, 5.4, (1, 0.95, 0.88), (0.42, 0.60, 0.90), 0.6, 0.010, -0.1),
        "low": (16, 4.4, (1, 0.78, 0.55), (0.50, 0.58, 0.75), 0.45, 0.012, 0.25),
        "overcast": (55, 0.7, (1, 1, 1), (0.75, 0.78, 0.82), 1.1, 0.3, 0.1),
        "rain": (60, 0.25, (1, 1, 1), (0.62, 0.66, 0.70), 0.8, 0.5, 0.1),
        "dusk": (5, 0.35, (1, 0.6, 0.4), (0.24, 0.28, 0.42), 0.30, 0.05, 1.0),
        "night": (30, 0.03, (0.6, 0.7, 1), (0.03, 0.04, 0.08), 0.2, 0.05, 1.2),
    }[kind]
    elevation, power, sun_colour, sky, sky_power, size, exposure = spec
    world = bpy.data.worlds.new("sky")
    world.use_nodes = True
    scene.world = world
    tree = world.node_tree
    shader = tree.nodes["Background"]
    place = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    pale = tuple(min(1, 0.55 * c + 0.42 * max(sky)) for c in sky)
    ramp.color_ramp.elements[0].color = (*pale, 1)
    ramp.color_ramp.elements[0].position = 0.02
    ramp.color_ramp.elements[1].color = (*sky, 1)
    ramp.color_ramp.elements[1].position = 0.45
    tree.links.new(place.outputs["Generated"], split.inputs["Vector"])
    tree.links.new(split.outputs["Z"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Color"])
    shader.inputs["Strength"].default_value = sky_power
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.data.color, sun.data.angle = power, sun_colour, size
    sun.rotation_euler = (math.radians(90 - elevation), 0, math.radians(azimuth_deg))
    scene.collection.objects.link(sun)
    scene.view_settings.exposure = exposure


def camera(scene, place, target, lens_mm):
    """Mount the camera on its pole."""
    thing = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    thing.data.lens = lens_mm
    thing.location = place
    way = Vector(target) - Vector(place)
    thing.rotation_euler = way.to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(thing)
    scene.camera = thing
    bpy.context.view_layer.update()
    return thing


def slab(name, x0, x1, y0, y1, z, material):
    """Lay a thin flat slab."""
    b = MeshBuilder()
    b.box(((x0 + x1) / 2, (y0 + y1) / 2, z - 0.05), (x1 - x0, y1 - y0, 0.1), material, 0)
    return b.to_object(name)


GROUNDS = {
    "grass": (0.10, 0.15, 0.045),
    "dry": (0.30, 0.24, 0.13),
    "earth": (0.20, 0.15, 0.10),
    "paved": (0.28, 0.28, 0.27),
}


def ground(kind="grass"):
    """Lay grass, dry grass, earth or paving to the horizon."""
    grass = m.noisy(kind, GROUNDS[kind], 0.45, 0.9, 0.95, 0.3)
    slab("ground", -400, 400, -400, 400, -0.06, grass)


def asphalt(is_wet=False):
    """Return road surface; wet, it mirrors."""
    return m.noisy("asphalt", (0.135, 0.134, 0.132) if not is_wet else (0.05, 0.052, 0.055), 0.30, 0.7, 0.92 if not is_wet else 0.28, 0.12)


def road(lanes, lane_m=3.7, shoulder_m=1.8, length=260.0, is_wet=False, y0=0.0):
    """Lay a straight road along x, lanes side by side from y0 to +y."""
    width = lanes * lane_m
    slab("road", -length, length, y0 - shoulder_m, y0 + width + shoulder_m, 0.0, asphalt(is_wet))
    white = m.noisy("marking", (0.70, 0.70, 0.66), 0.2, 3.0, 0.8)
    b = MeshBuilder()
    for y in (y0, y0 + width):
        b.box((0, y, 0.012), (2 * length, 0.15, 0.024), white, 0)
    for k in range(1, lanes):
        x = -length
        while x < length:
            b.box((x + 1.5, y0 + k * lane_m, 0.012), (3.0, 0.13, 0.024), white, 0)
            x += 12.0
    b.to_object("markings")
    worn = m.noisy("worn", (0.112, 0.111, 0.109), 0.3, 0.5, 0.85)
    b = MeshBuilder()
    for k in range(lanes):  # tyres polish two tracks a lane
        for side in (-0.85, 0.85):
            b.box((0, y0 + (k + 0.5) * lane_m + side, 0.006), (2 * length, 0.55, 0.012), worn, 0)
    if not is_wet:
        b.to_object("tracks")
    patch = m.noisy("patch", (0.095, 0.094, 0.093), 0.3, 1.0, 0.9)
    rng = random.Random(lanes * 7 + int(width))
    b = MeshBuilder()
    for _ in range(26):
        x, y = rng.uniform(-90, 90), rng.uniform(y0, y0 + width)
        b.box((x, y, 0.009), (rng.uniform(2, 12), rng.uniform(0.04, 0.09), 0.018), patch, 0)
    for _ in range(5):
        x, y = rng.uniform(-60, 60), y0 + lane_m * (rng.randrange(lanes) + 0.5)
        b.box((x, y, 0.009), (rng.uniform(3, 9), lane_m * 0.7, 0.018), patch, 0)
    b.to_object("patches")


def barrier(y, length=200.0):
    """Put up a concrete median barrier."""
    b = MeshBuilder()
    wall = m.noisy("concrete", (0.42, 0.41, 0.39), 0.2, 2.0, 0.9)
    b.box((0, y, 0.2), (2 * length, 0.6, 0.4), wall, 0.05)
    b.box((0, y, 0.6), (2 * length, 0.25, 0.5), wall, 0.03)
    b.to_object("barrier")


def warehouse(x0, x1, y, height=11.0, docks=8, facing=-1):
    """Build a distribution centre with dock doors in the wall at y."""
    b = MeshBuilder()
    wall = m.noisy("wall", (0.55, 0.56, 0.57), 0.10, 0.35, 0.7)
    stripe = m.paint("blue")
    deep = 40.0 * -facing
    b.box(((x0 + x1) / 2, y + deep / 2, height / 2), (x1 - x0, abs(deep), height), wall, 0.05)
    b.box(((x0 + x1) / 2, y + facing * 0.03, height - 1.2), (x1 - x0, 0.08, 0.9), stripe, 0)
    for k in range(docks):
        x = x0 + (k + 0.5) * (x1 - x0) / docks
        b.box((x, y + facing * 0.04, 2.7), (3.0, 0.1, 3.0), m.plain("door", (0.62, 0.63, 0.62), 0.6), 0)
        b.box((x, y + facing * 0.25, 2.9), (3.7, 0.5, 0.35), m.rubber(), 0.02)
        for side in (-1, 1):
            b.box((x + side * 1.75, y + facing * 0.25, 2.5), (0.35, 0.5, 3.4), m.rubber(), 0.02)
            b.cylinder((x + side * 2.4, y + facing * 1.6, 0.5), 0.12, 1.0, "z", m.paint("yellow"), 10)
    b.to_object("warehouse")


def fence(x0, x1, y):
    """Put up a mesh fence: posts and rails."""
    b = MeshBuilder()
    steel = m.plain("steel", (0.35, 0.36, 0.37), 0.5, 0.6)
    x = x0
    while x <= x1:
        b.cylinder((x, y, 1.0), 0.04, 2.0, "z", steel, 8)
        x += 3.0
    for z in (0.3, 0.8, 1.3, 1.9):
        b.box(((x0 + x1) / 2, y, z), (x1 - x0, 0.03, 0.03), steel, 0)
    b.to_object("fence")


def poles(xs, y, is_lit=False):
    """Put up street lights; lit, they shine."""
    steel = m.plain("steel", (0.35, 0.36, 0.37), 0.5, 0.6)
    for x in xs:
        b = MeshBuilder()
        b.cylinder((x, y, 4.5), 0.09, 9.0, "z", steel, 10)
        b.box((x, y + 0.9, 9.0), (0.1, 1.8, 0.1), steel, 0)
        b.box((x, y + 1.8, 8.95), (0.3, 0.6, 0.1), m.lamp("street", (1, 0.75, 0.45), 12.0) if is_lit else m.plain("unlit", (0.7, 0.7, 0.7)), 0)
        b.to_object("pole")
        if is_lit:
            made = bpy.data.lights.new("street", "SPOT")
            made.energy, made.color, made.spot_size = 2200, (1, 0.72, 0.42), 2.2
            made.shadow_soft_size = 0.3
            thing = bpy.data.objects.new("street", made)
            thing.location = (x, y + 1.8, 8.8)
            bpy.context.scene.collection.objects.link(thing)


def trees(rng, n, x_range, y_range):
    """Plant trees: clumps of leaves on trunks."""
    for k in range(n):
        b = MeshBuilder()
        x, y = rng.uniform(*x_range), rng.uniform(*y_range)
        height = rng.uniform(4, 9)
        tone = rng.uniform(0.7, 1.3)
        leaf = m.noisy(f"leaf{k % 5}", (0.045 * tone, 0.09 * tone, 0.02), 0.6, 2.5, 0.9, 0.6)
        b.cylinder((x, y, height * 0.25), 0.16, height * 0.5, "z", m.plain("bark", (0.08, 0.06, 0.04), 0.9), 8)
        for _ in range(14):
            r = height * rng.uniform(0.10, 0.20)
            b.clump(
                (x + rng.uniform(-1, 1) * height * 0.2, y + rng.uniform(-1, 1) * height * 0.2, height * rng.uniform(0.45, 0.9)),
                r, leaf, rng,
            )
        b.to_object("tree")


def skyline(rng, y, n=12):
    """Put buildings far away."""
    b = MeshBuilder()
    for _ in range(n):
        grey = rng.uniform(0.25, 0.5)
        wall = m.plain(f"block{int(grey * 20)}", (grey, grey * 0.97, grey * 0.93), 0.8)
        w, h = rng.uniform(12, 35), rng.uniform(6, 22)
        x, far = rng.uniform(-200, 200), y + rng.uniform(-10, 30)
        b.box((x, far, h / 2), (w, 15, h), wall, 0)
        for k in range(int(h // 3.5)):
            b.box((x, far, 2 + 3.5 * k), (w * 0.9, 15.2, 1.2), m.glass(), 0)
    b.to_object("skyline")
