"""BiMAE: one masked autoencoder for the RGB image and the hyperspectral cube of a seed.

The package imports nothing by itself, so that `bimae --help` answers at once; take what you need
from its rooms: `bimae.data`, `bimae.model`, `bimae.train`, `bimae.evaluate`, `bimae.report`.
The order in which data flows through them is drawn in docs/architecture.md.
"""

__version__ = "0.1.0"
