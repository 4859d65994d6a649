"""The surface of a seed: relief, texture, shading and gloss, on the pixels of the RGB image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.simulate.shape import Body, Frame, Map, draw_appendage
from bimae.data.simulate.species import Look

AMBIENT = 0.45  # share of light that comes from everywhere
LIGHT_AZIMUTH = -2.3  # radians in the image (x right, y down): the lamp stands at the upper left
LIGHT_ELEVATION = 0.95
LIGHT_SPREAD = 0.10
SHADOW = 0.40
GRAIN = 0.20  # fine irregularity of every coat, against a texture of contrast 1
SURFACE_REFLECTION = 0.025  # of the light never enters the coat (Fresnel, mean over a seed)

# Difficulty: how much the surfaces of one species differ (relative standard deviation).
PERIOD_SPREAD = 0.10
TEXTURE_SPREAD = 0.25

LAYERS = ("light coat", "dark coat", "appendage", "tray", "gloss")


@dataclass(frozen=True, slots=True)
class Light:
    """Direction of the lamp as a unit vector: x right, y down, z towards the camera."""

    x: float
    y: float
    z: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """The lamp as one seed sees it: nearly the same place every time."""
        azimuth = LIGHT_AZIMUTH + LIGHT_SPREAD * rng.standard_normal()
        elevation = LIGHT_ELEVATION + LIGHT_SPREAD * rng.standard_normal() / 2
        flat = np.cos(elevation)
        return cls(
            float(np.cos(azimuth) * flat), float(np.sin(azimuth) * flat), float(np.sin(elevation))
        )


def draw_layers(look: Look, body: Body, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What each pixel is made of, light included.

    Args:
        look: The species' look.
        body: The seed's size and pose.
        size: Pixels along a side.
        rng: The seed's own generator.

    Returns:
        [5, size, size] weights of `LAYERS`: the radiance of a pixel is the sum of the layers'
        reflectance spectra times these.
    """
    frame, light = body.frame(size), Light.draw(rng)
    texture = draw_texture(look, frame, rng)
    relief, contrast = np.exp(TEXTURE_SPREAD * rng.standard_normal(2)) * (
        look.relief,
        look.contrast,
    )
    height = _height(look, frame) + float(relief) * look.period_mm * texture * _inside(frame)
    mask = frame.mask()
    shade, gloss = _shading(height, frame.pixel_mm, light, look.gloss)
    # Glossy or matt, the surface reflects the same light in all; and the dark part covers half of
    # every coat whatever its arrangement: species which differ in texture keep one mean spectrum.
    gloss = gloss * (SURFACE_REFLECTION / np.average(gloss, weights=mask))
    grain = smooth_noise(size, max(size // 3, 2), rng)
    pattern = min(float(contrast), 1.0) * texture + GRAIN * grain
    pattern = pattern - np.average(pattern, weights=mask * shade)
    dark = np.clip(0.5 + 0.5 * pattern, 0.0, 1.0)
    hairs = draw_appendage(look, frame, rng) * (1 - mask)
    shade_of_tray = _tray_light(body, frame, size, light, rng)
    return np.stack(
        [
            mask * shade * (1 - dark),
            mask * shade * dark,
            hairs * (0.55 + 0.45 * shade_of_tray),
            (1 - mask) * (1 - hairs) * shade_of_tray,
            mask * gloss,
        ]
    ).astype(np.float32)


def draw_texture(look: Look, frame: Frame, rng: np.random.Generator) -> Map:
    """[H, W] arrangement of relief and dark coat, about -1 to 1 with mean about 0 on the seed."""
    size = frame.along.shape[0]
    if look.texture == "smooth":
        texture = 0.6 * smooth_noise(size, 24, rng)
    elif look.texture == "mottled":
        field_mm = frame.pixel_mm * size
        texture = np.tanh(2.2 * smooth_noise(size, round(1.2 * field_mm / look.period_mm), rng))
    else:
        texture = _waves(look, frame, rng)
    return np.asarray(texture, dtype=np.float32)


def _waves(look: Look, frame: Frame, rng: np.random.Generator) -> Map:
    """[H, W] ridges, pits or warts: waves in coordinates on the seed, bent by slow noise."""
    size = frame.along.shape[0]
    # Distances along the curved surface, so that patterns crowd towards the outline.
    wave = 2 * np.pi / (look.period_mm * np.exp(PERIOD_SPREAD * rng.standard_normal()))
    along = wave * _unroll(frame.along, 0.52 * frame.length_mm)
    across = wave * _unroll(frame.across, 0.54 * frame.width_mm)
    along = along + 1.1 * smooth_noise(size, 10, rng) + rng.uniform(0, 2 * np.pi)
    across = across + 1.1 * smooth_noise(size, 10, rng) + rng.uniform(0, 2 * np.pi)
    along, across = along.astype(np.float32), across.astype(np.float32)
    if look.texture == "striped":
        texture = np.cos(across)
    elif look.texture == "wrinkled":
        slow = np.float32(2.0) * smooth_noise(size, 14, rng)
        texture = np.cos(np.float32(0.9) * along + np.float32(0.35) * across + slow)
    else:
        # Three waves at 120 degrees make a hexagonal lattice: -1.5 to 3, mean 0.
        lattice = np.cos(along) + 2 * np.cos(0.5 * along) * np.cos(np.float32(0.866) * across)
        texture = np.tanh(0.9 * lattice - 0.2)
        if look.texture == "reticulate":
            texture = -texture
    return np.asarray(texture, dtype=np.float32)


def smooth_noise(size: int, cells: int, rng: np.random.Generator) -> Map:
    """[size, size] noise with about `cells` blobs along a side, mean 0, standard deviation 1."""
    cells = max(cells, 2)
    knots = (np.arange(cells + 4) - 1.5) / cells
    position = (np.arange(size) + 0.5) / size
    weights = np.exp(-0.5 * ((position[:, None] - knots[None, :]) * cells / 0.55) ** 2)
    # Unit variance everywhere: the weights of independent knots are normalised in quadrature.
    weights = (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)
    coarse = rng.standard_normal((cells + 4, cells + 4), dtype=np.float32)
    return np.asarray(weights @ coarse @ weights.T)


def _unroll(position: Map, half: float) -> Map:
    return np.asarray(half * np.arcsin(np.clip(position / half, -0.98, 0.98)), dtype=np.float32)


def _inside(frame: Frame) -> Map:
    """1 on the seed, falling to 0 over its rim, where relief would be seen from the side."""
    return np.asarray(np.clip((1 - frame.inward) * 8, 0.0, 1.0), dtype=np.float32)


def _height(look: Look, frame: Frame) -> Map:
    """[H, W] height of the body in mm: half an ellipsoid, with a keel on a trigonous nutlet."""
    thickness = 0.42 * frame.width_mm
    height = np.sqrt(np.clip(1 - frame.inward**2, 0.0, 1.0) + 1e-4)
    if look.outline == "trigonous":
        # The 0.14 rounds the ridge: a crease would glitter from pixel to pixel.
        keel = np.clip(1 - np.hypot(2 * frame.across / frame.width_mm, 0.14), 0.0, 1.0)
        height = 0.45 * height + 0.75 * keel * height
    return np.asarray(thickness * height, dtype=np.float32)


def _shading(height: Map, pixel_mm: float, light: Light, gloss: float) -> tuple[Map, Map]:
    """Lambert shading (1 on a flat surface) and the specular spot, both [H, W]."""
    down, right = np.gradient(height, np.float32(pixel_mm))
    norm = 1 / np.sqrt(1 + down**2 + right**2)
    facing = (light.z - right * light.x - down * light.y) * norm
    shade = AMBIENT * (0.5 + 0.5 * norm) + (1 - AMBIENT) * np.maximum(facing, 0) / light.z
    # Blinn-Phong: the camera looks straight down.
    half = np.sqrt(2 + 2 * light.z)
    towards = ((light.z + 1) - right * light.x - down * light.y) * norm / half
    spot = np.maximum(towards, 0) ** (1 + 60 * gloss)
    return np.asarray(shade, dtype=np.float32), np.asarray(spot, dtype=np.float32)


def _tray_light(body: Body, frame: Frame, size: int, light: Light, rng: np.random.Generator) -> Map:
    """[H, W] light on the tray: a soft cast shadow, a darker contact line, faint unevenness."""
    reach = 0.20 * body.width_mm / light.z
    away = body.frame(size, (-reach * light.x, -reach * light.y)).inward
    cast = np.clip((1.22 - away) / 0.40, 0.0, 1.0)
    contact = np.exp(-np.maximum(frame.inward - 1, 0) * 14)
    uneven = 0.012 * smooth_noise(size, 3, rng)
    return np.asarray((1 - SHADOW * cast**1.5) * (1 - 0.25 * contact) * (1 + uneven), np.float32)
