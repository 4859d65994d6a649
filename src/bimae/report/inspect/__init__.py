"""A data set as one HTML page for a person: pictures, spectra, counts, band quality.

The page needs no network and no other file. `measure` reads, `quality` judges bands, `tally`
counts, `gallery` and `pictures` draw samples, `charts` and `drawings` lay out curves, `page` puts
it together.
"""

from bimae.report.inspect.page import MARK, Page, draw_page

__all__ = ["MARK", "Page", "draw_page"]
