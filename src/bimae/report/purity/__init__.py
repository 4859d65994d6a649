"""The purity of a lot of seeds as a report: one HTML page, JSON, a table of all seeds, a PDF.

`facts` holds what it is made of, `cautions` what is to be told before any figure, `words` says it,
`reference` and `gallery` draw, `page` and `record` put it together, `pdf` prints, `write` leaves it
on disk.
"""

from bimae.report.purity.facts import Facts, weights_fingerprint
from bimae.report.purity.write import FILES, check_out, write_report

__all__ = ["FILES", "Facts", "check_out", "weights_fingerprint", "write_report"]
