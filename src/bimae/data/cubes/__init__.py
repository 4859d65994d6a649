"""A hyperspectral file of any kind -> a `Cube`: lines, samples, bands in nm, read in blocks."""
