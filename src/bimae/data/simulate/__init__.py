"""A simulated bimodal data set: 19 species, a camera for each view, trays with drifting light.

It stands in for measured data in the demo, in tests and in benchmarks. It is no evidence about
seeds. The assumptions are in `docs/simulator.md`.
"""

from bimae.data.simulate.dataset import simulate_dataset
from bimae.data.simulate.samples import simulate_samples, wavelengths
from bimae.data.simulate.species import LABELS, SPECIES, SPECTRUM_ONLY, SURFACE_ONLY

__all__ = [
    "LABELS",
    "SPECIES",
    "SPECTRUM_ONLY",
    "SURFACE_ONLY",
    "simulate_dataset",
    "simulate_samples",
    "wavelengths",
]
