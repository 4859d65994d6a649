"""A laboratory's files -> TFRecords: recognise the layout, read each item, put them together.

listing (what lies where) -> recognise (layout, items) -> work (each item read, in processes, taken
up again after a stop) -> assemble (shards, dataset.json, split.json, report).
"""

from bimae.data.importing.importer import import_data, work_folder
from bimae.data.importing.settings import LAYOUTS, ImportSettings
from bimae.data.importing.summary import ImportSummary

__all__ = ["LAYOUTS", "ImportSettings", "ImportSummary", "import_data", "work_folder"]
