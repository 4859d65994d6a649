"""What carried a classifier's answers, as a page, as pictures, and as numbers for machines.

`facts` holds what it is made of, `words` says it, `pictures` and `charts` draw, `page`, `figure`
and `record` put it together, `write` leaves it on disk.
"""

from bimae.report.explain.facts import Facts
from bimae.report.explain.write import check_out, write_explained

__all__ = ["Facts", "check_out", "write_explained"]
