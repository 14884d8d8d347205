"""Names of surfaces to Cycles materials."""

import bpy

PAINTS = {
    "white": (0.82, 0.82, 0.80),
    "silver": (0.55, 0.57, 0.58),
    "black": (0.02, 0.02, 0.025),
    "red": (0.50, 0.03, 0.03),
    "blue": (0.03, 0.10, 0.38),
    "green": (0.03, 0.22, 0.09),
    "yellow": (0.72, 0.48, 0.03),
    "orange": (0.70, 0.22, 0.03),
    "grey": (0.22, 0.23, 0.24),
    "brown": (0.16, 0.08, 0.04),
    "beige": (0.55, 0.48, 0.36),
}


def _principled(name):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    return made, made.node_tree, made.node_tree.nodes["Principled BSDF"]


def plain(name, colour, rough=0.5, metal=0.0, coat=0.0):
    """Make a material of one colour, once per name."""
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    made, _, shader = _principled(name)
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = rough
    shader.inputs["Metallic"].default_value = metal
    shader.inputs["Coat Weight"].default_value = coat
    return made


def paint(colour):
    """Make a car paint: clear coat over a colour of ``PAINTS``."""
    return plain(f"paint-{colour}", PAINTS[colour], 0.35, 0.1, 0.8)


def panel(colour):
    """Make the painted, slightly dirty side of a trailer."""
    return noisy(f"panel-{colour}", PAINTS[colour], 0.18, 1.2, 0.45)


def glass():
    """Make window glass, which from outside is a dark mirror."""
    return plain("glass", (0.015, 0.02, 0.025), 0.06, 0.0, 1.0)


def rubber():
    """Make tyres."""
    return plain("rubber", (0.018, 0.018, 0.018), 0.85)


def chrome():
    """Make rims, tanks and bumpers."""
    return plain("chrome", (0.60, 0.61, 0.62), 0.25, 0.9)


def frame():
    """Make chassis black."""
    return plain("frame", (0.03, 0.03, 0.032), 0.7)


def lamp(name, colour, power):
    """Make a light that shines in the picture."""
    key = f"lamp-{name}-{power}"
    if key in bpy.data.materials:
        return bpy.data.materials[key]
    made, _, shader = _principled(key)
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Emission Color"].default_value = (*colour, 1)
    shader.inputs["Emission Strength"].default_value = power
    return made


def noisy(name, colour, depth, scale, rough=0.9, bump=0.0, detail=8.0):
    """Make a surface whose colour wanders: asphalt, grass, walls."""
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    made, tree, shader = _principled(name)
    place = tree.nodes.new("ShaderNodeTexCoord")
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = detail
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    dark = tuple(max(0.0, c * (1 - depth)) for c in colour)
    light = tuple(min(1.0, c * (1 + depth)) for c in colour)
    ramp.color_ramp.elements[0].color = (*dark, 1)
    ramp.color_ramp.elements[0].position = 0.3
    ramp.color_ramp.elements[1].color = (*light, 1)
    ramp.color_ramp.elements[1].position = 0.7
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = rough
    if bump:
        node = tree.nodes.new("ShaderNodeBump")
        node.inputs["Strength"].default_value = bump
        fine = tree.nodes.new("ShaderNodeTexNoise")
        fine.inputs["Scale"].default_value = scale * 12
        tree.links.new(place.outputs["Object"], fine.inputs["Vector"])
        tree.links.new(fine.outputs["Fac"], node.inputs["Height"])
        tree.links.new(node.outputs["Normal"], shader.inputs["Normal"])
    return made
