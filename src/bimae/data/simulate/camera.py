"""Two cameras over one scene: layers and their spectra in, an RGB image and a cube out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.simulate import spectra
from bimae.data.simulate.spectra import Array, Coat

# Difficulty: noise and drift.
HS_SHOT = 0.010  # standard deviation at reflectance 1 where the sensor is most sensitive
HS_READ = 0.004
RGB_SHOT = 0.008
RGB_READ = 0.003
GAIN_SPREAD = 0.03  # per tray
TILT_SPREAD = 0.04  # per tray, at either end of the range
BEND_SPREAD = 0.02

RGB_BLUR_PIXELS = 0.7  # at 192 pixels
_RGB_NM = np.linspace(spectra.FIRST_NM, spectra.LAST_NM, 121)


@dataclass(frozen=True, slots=True)
class Drift:
    """How a tray's light differs from the white reference: gain, tilt and bend over the range."""

    gain: float
    tilt: float
    bend: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Drift":
        """The drift of one tray."""
        gain, tilt, bend = rng.standard_normal(3)
        return cls(1 + GAIN_SPREAD * gain, TILT_SPREAD * tilt, BEND_SPREAD * bend)

    def at(self, nm: Array) -> Array:
        """[bands] factor on the light at each wavelength."""
        x = (nm - 700.0) / 300.0
        return np.asarray(self.gain * (1 + self.tilt * x + self.bend * (1.5 * x**2 - 0.5)))


def layer_spectra(coat: Coat, nm: Array) -> Array:
    """[5, bands] reflectance of the surface's `LAYERS` for one seed."""
    return np.stack(
        [
            spectra.coat_reflectance(coat, nm),
            spectra.coat_reflectance(coat, nm, spectra.DARK_PART),
            spectra.appendage_reflectance(nm),
            spectra.tray_reflectance(nm),
            spectra.gloss_reflectance(nm),
        ]
    )


def photograph(
    layers: NDArray[np.float32], coat: Coat, drift: Drift, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The RGB camera.

    Args:
        layers: [5, H, H] weights of the layers.
        coat: The seed's coat.
        drift: The tray's light.
        rng: The camera's noise.

    Returns:
        [H, H, 3] float32, whole multiples of 1/255 in [0, 1], with the sRGB tone curve.
    """
    response = _sensitivities() * _lamp(_RGB_NM)[:, None]
    white = response.sum(axis=0)  # white balance on a reference of reflectance 1
    seen = (layer_spectra(coat, _RGB_NM) * drift.at(_RGB_NM)) @ response / white
    size = layers.shape[1]
    linear = np.tensordot(seen.astype(np.float32).T, layers, axes=1)  # [3, H, H]
    blur = _blur(size, RGB_BLUR_PIXELS * size / 192)
    linear = (blur @ linear @ blur.T).transpose(1, 2, 0)
    deviation = np.sqrt(RGB_READ**2 + RGB_SHOT**2 * np.maximum(linear, 0))
    linear = linear + deviation * rng.standard_normal(linear.shape, dtype=np.float32)
    counts = np.round(255 * _tone_curve(np.clip(linear, 0, 1))).astype(np.float32)
    return np.asarray(counts / np.float32(255))


def scan(
    layers: NDArray[np.float32],
    coat: Coat,
    drift: Drift,
    rng: np.random.Generator,
    *,
    nm: Array,
    size: int,
) -> NDArray[np.uint8]:
    """The hyperspectral camera.

    Args:
        layers: [5, H, H] weights of the layers at the RGB camera's resolution.
        coat: The seed's coat.
        drift: The tray's light.
        rng: The camera's noise.
        nm: [bands] wavelengths in nm.
        size: Pixels along a side of the cube.

    Returns:
        [size, size, bands] uint8, 255 times the reflectance against the white reference.
    """
    pixels = _area_average(layers.shape[1], size)
    coarse = (pixels @ layers @ pixels.T).reshape(len(layers), -1)
    endmembers = (layer_spectra(coat, nm) * drift.at(nm)) @ spectra.instrument_smoothing(nm).T
    cube = coarse.T @ endmembers.astype(np.float32)
    deviation = np.sqrt(HS_READ**2 + HS_SHOT**2 * np.maximum(cube, 0))
    deviation = deviation / _sensor_efficiency(nm).astype(np.float32)
    cube = cube + deviation * rng.standard_normal(cube.shape, dtype=np.float32)
    return np.round(255 * np.clip(cube, 0, 1)).astype(np.uint8).reshape(size, size, -1)


def _sensitivities() -> Array:
    """[121, 3] red, green and blue of a camera with a filter that cuts the near infrared."""
    centres, widths = np.array([600.0, 540.0, 460.0]), np.array([34.0, 36.0, 28.0])
    curves = np.exp(-0.5 * ((_RGB_NM[:, None] - centres) / widths) ** 2)
    cut = 1 / (1 + np.exp((_RGB_NM - 668.0) / 5.0))
    return np.asarray(curves * cut[:, None])


def _lamp(nm: Array) -> Array:
    """[bands] a halogen lamp: more red than blue, up to a factor."""
    return np.asarray(0.35 + 0.65 * (nm - 400.0) / 600.0)


def _sensor_efficiency(nm: Array) -> Array:
    """[bands] lamp times silicon sensor, 1 at its best: both ends of the range are noisy."""
    return np.asarray(0.25 + 0.75 * np.exp(-0.5 * ((nm - 700.0) / 170.0) ** 2))


def _tone_curve(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sRGB transfer function (IEC 61966-2-1)."""
    bright = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, bright), dtype=np.float32)


def _blur(size: int, sigma: float) -> NDArray[np.float32]:
    """[size, size] Gaussian blur along one axis; each row sums to 1."""
    at = np.arange(size)
    weights = np.exp(-0.5 * ((at[:, None] - at[None, :]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _area_average(fine: int, coarse: int) -> NDArray[np.float32]:
    """[coarse, fine] mean over each coarse pixel's area; any two sizes."""
    edges = np.arange(coarse + 1) * fine / coarse
    at = np.arange(fine)
    overlap = np.minimum(edges[1:, None], at + 1.0) - np.maximum(edges[:-1, None], at)
    return np.asarray(np.maximum(overlap, 0) * coarse / fine, dtype=np.float32)
