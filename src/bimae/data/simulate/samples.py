"""Simulated seeds one by one, in the order in which they lie on the trays."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bimae.data.sample import Sample
from bimae.data.simulate.camera import Drift, photograph, scan
from bimae.data.simulate.shape import draw_body
from bimae.data.simulate.species import SPECIES
from bimae.data.simulate.spectra import FIRST_NM, LAST_NM, draw_coat
from bimae.data.simulate.surface import draw_layers
from bimae.errors import ConfigError

# What a random stream is for: the first number of its spawn key.
_ORDER, _TRAY, _SEED = 0, 1, 2


def wavelengths(bands: int) -> tuple[float, ...]:
    """Band centres in nm, evenly spaced from 400 to 1000 nm, both included."""
    return tuple(float(nm) for nm in np.linspace(FIRST_NM, LAST_NM, bands))


def simulate_samples(
    *,
    per_class: int,
    bands: int = 300,
    seed: int = 0,
    hs_size: int = 24,
    rgb_size: int = 192,
    seeds_per_tray: int = 25,
) -> Iterator[Sample]:
    """Simulated seeds of the 19 species, tray by tray.

    A seed depends on `seed`, its species and its number alone; which tray it lies on, and so the
    light that it is seen in, also on `per_class` and `seeds_per_tray`. The RGB image does not
    depend on `bands` or `hs_size`.

    Args:
        per_class: Seeds of each species.
        bands: Spectral bands.
        seed: Seed of all randomness.
        hs_size: Pixels along a side of the cube.
        rgb_size: Pixels along a side of the RGB image.
        seeds_per_tray: Seeds that share one drift of the light; the last tray may hold fewer.

    Returns:
        An iterator of samples: id "b_napus-0007", label "b. napus", group "tray-012", rgb
        [rgb_size, rgb_size, 3] float32 in steps of 1/255, hs [hs_size, hs_size, bands] uint8.

    Raises:
        ConfigError: A number is too small; all of them are named at once.
    """
    least = {
        "per_class": (per_class, 1),
        "bands": (bands, 2),
        "seed": (seed, 0),
        "hs_size": (hs_size, 1),
        "rgb_size": (rgb_size, 8),
        "seeds_per_tray": (seeds_per_tray, 1),
    }
    problems = [
        f"{name} is {value}: the simulator needs at least {lowest}"
        for name, (value, lowest) in least.items()
        if value < lowest
    ]
    if problems:
        raise ConfigError.of(problems)
    nm = np.asarray(wavelengths(bands))
    return _draw(per_class, seeds_per_tray, _Plan(seed, nm, hs_size, rgb_size))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all seeds of a data set have in common."""

    seed: int
    nm: NDArray[np.float64]
    hs_size: int
    rgb_size: int

    def stream(self, *key: int) -> np.random.Generator:
        """The random numbers for one purpose, independent of all others."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def _draw(per_class: int, seeds_per_tray: int, plan: _Plan) -> Iterator[Sample]:
    order = plan.stream(_ORDER).permutation(len(SPECIES) * per_class)
    for place, which in enumerate(order.tolist()):
        kind, number = divmod(which, per_class)
        yield _draw_seed(kind, number, place // seeds_per_tray, plan)


def _draw_seed(kind: int, number: int, tray: int, plan: _Plan) -> Sample:
    species = SPECIES[kind]
    drift = Drift.draw(plan.stream(_TRAY, tray))
    # One stream per part, so that a part drawn with more numbers does not change the others.
    coat_rng, body_rng, surface_rng, rgb_rng, hs_rng = (
        plan.stream(_SEED, kind, number, part) for part in range(5)
    )
    coat = draw_coat(species, coat_rng)
    body = draw_body(species.look, body_rng)
    layers = draw_layers(species.look, body, plan.rgb_size, surface_rng)
    return Sample(
        id=f"{species.name.replace('. ', '_')}-{number:04d}",
        label=species.name,
        group=f"tray-{tray:03d}",
        rgb=photograph(layers, coat, drift, rgb_rng),
        hs=scan(layers, coat, drift, hs_rng, nm=plan.nm, size=plan.hs_size),
    )
