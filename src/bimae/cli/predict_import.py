"""Where the samples of `bimae predict` come from: TFRecords, or files that are imported first."""

import json
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bimae.cli.camera_files import CameraFiles
from bimae.cli.import_data import Bars, tell_oddities, tell_plan
from bimae.errors import BimaeError, ConfigError, DataError

if TYPE_CHECKING:
    from bimae.cli.predict_model import Sizes
    from bimae.data import DatasetInfo, SeedDataset
    from bimae.predict.source import Raw

TO_GO = "removed_at_end"  # in dataset.json of what is imported on the way


@dataclass
class Source:
    """The samples, and what there is to clear away after them.

    Attributes:
        data: As the user named them.
        sizes: Of the model's images.
        raw: The files to import; None for TFRecords.
        workers: Processes that import.
        keep: Whether what is imported is kept.
        left_out: Names of items that could not be imported; known once the samples are opened.
        made: Whether the import was done by this process.
    """

    data: Path
    sizes: "Sizes"
    raw: "Raw | None"
    workers: int
    keep: bool
    left_out: tuple[str, ...] = ()
    made: bool = False

    @classmethod
    def of(
        cls,
        options: CameraFiles,
        data: Path,
        out: Path,
        sizes: "Sizes",
        classes: Collection[str],
    ) -> "Source":
        """Finds out what DATA is.

        Args:
            options: How a camera's files are read.
            data: TFRecords or such files.
            out: What the verb writes; files are imported to a folder beside it.
            sizes: Of the model's images.
            classes: Of the model.

        Raises:
            BimaeError: It is nothing that can be read, or options do not fit it.
        """
        raw = _raw(options, data, out, sizes, classes)
        return cls(data, sizes, raw, options.workers, options.keep_import)

    @property
    def folder(self) -> Path:
        """Where the records are."""
        return self.data if self.raw is None else self.raw.folder

    @property
    def info(self) -> "DatasetInfo":
        """What is known before a sample is read: of files to import, whether there are spectra.

        Raises:
            DataError: What records say of themselves cannot be read.
        """
        from bimae.data import DatasetInfo
        from bimae.data.info import COLOUR

        if self.raw is not None:
            return DatasetInfo(unit=COLOUR if self.raw.plan.photos_alone else "")
        return DatasetInfo.load(self.data if self.data.is_dir() else self.data.parent)

    def opened(self) -> "SeedDataset":
        """The samples at the model's sizes; files are imported unless that is done already.

        Raises:
            BimaeError: They cannot be read.
        """
        from bimae.data import open_dataset
        from bimae.data.locate import are_records

        if self.raw is not None:
            with redirect_stdout(sys.stderr):  # stdout is the summary's
                self._bring_in(self.raw)
            self.left_out = tuple(name for name, _ in self.raw.left_out())
        try:
            return open_dataset(
                self.folder, hs_size=self.sizes.hs_size, rgb_size=self.sizes.rgb_size
            )
        except DataError as error:
            if self.raw is not None or are_records(self.data):
                raise
            from bimae.data.importing.pictures import IMAGE_SUFFIXES

            # Records may have any name, but who gave a file of such a one may have meant another.
            known = ", ".join(sorted(IMAGE_SUFFIXES))
            raise DataError(
                f"{error}; a camera's files go by their names: scans (.hdr, .npy, .mat, .tif, .h5) "
                f"and photos ({known})"
            ) from error

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """What is done with the samples; then nothing that was imported is left, unless asked for.

        Raises:
            BimaeError: As what is done does; it names the data as the user does.
        """
        try:
            yield
        except BimaeError as error:
            self.clear()
            raise self.named(error) from error
        self.clear(done=True)

    def named(self, error: BimaeError) -> BimaeError:
        """The same error: what files were imported to is no name that a user has ever heard."""
        return type(error)(str(error).replace(str(self.folder), str(self.data)))

    def clear(self, *, done: bool = False) -> None:
        """Removes what was imported: when all is done, or what was made for nothing."""
        if self.raw is None or self.keep or not self.raw.folder.is_dir():
            return
        if done:
            _remove(self.raw.folder)
        elif self.made:
            shutil.rmtree(self.raw.folder, ignore_errors=True)

    def _bring_in(self, raw: "Raw") -> None:
        if raw.ready:
            self._mark(raw.folder)
            print(f"note: the files were imported by an earlier run ({raw.folder})")
            for name, why in raw.left_out():
                print(f"left out {name}: {why}")
            return
        tell_plan(raw.plan)
        with Bars() as bars:
            summary = raw.bring_in(workers=self.workers, stage=bars.stage)
        self.made = True
        self._mark(raw.folder)
        tell_oddities(summary)
        if not self.keep and (summary.objects or len(summary.left_out) > 10):
            print(f"note: {raw.folder} is removed at the end; --keep-import keeps it")

    def _mark(self, folder: Path) -> None:
        """Writes down whether the folder is to go, for `clear_left_over`."""
        from bimae.data import DatasetInfo

        DatasetInfo.add(folder, **{TO_GO: not self.keep})


def clear_left_over(out: Path) -> None:
    """Removes what a run left beside its answers that was killed once these had their name.

    Nothing is touched while answers are being written (`<out>.part`), nor an import to be kept.

    Args:
        out: The file that answers go to.
    """
    if not out.is_file() or out.with_name(f"{out.name}.part").exists():
        return
    out.with_name(f"{out.name}.part.json").unlink(missing_ok=True)
    folder = out.with_name(f"{out.name}.import")
    try:
        told = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(told, dict) and told.get(TO_GO) is True:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Removes an import; what says that it is one goes last, so that a kill here is mended too."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "dataset.json":
            path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _raw(
    options: CameraFiles, data: Path, out: Path, sizes: "Sizes", classes: Collection[str]
) -> "Raw | None":
    from bimae.data.locate import are_records

    if are_records(data):
        _check_no_import(options, data)
        return None
    if not data.exists():
        raise DataError(
            f"{data}: found no such file or folder, expected TFRecords or a camera's "
            "files: check the path"
        )
    # Only now: what reads a camera's files takes a second to import.
    from bimae.data.importing.recognise import EXPECTED
    from bimae.data.importing.settings import ImportSettings
    from bimae.predict.source import Raw, importable

    if not importable(data):  # records of any name
        _check_no_import(options, data)
        return None
    settings = ImportSettings(
        **options.reading,
        hs_size=sizes.hs_size,
        rgb_size=sizes.rgb_size,
        pictures=options.keep_import,
        keep_flagged=True,
        seed_side=sizes.seed_side,
        store=sizes.store,
    )
    if problems := list(settings.problems()):
        raise ConfigError.of(problems)
    try:
        return Raw.of(data, out, settings, classes, photo_side=sizes.photo_side)
    except DataError as error:  # whoever mistyped the path of records is to learn of these too
        text = str(error).replace(EXPECTED, f"expected TFRecords, {EXPECTED[len('expected ') :]}")
        raise DataError(text) from error


def _check_no_import(options: CameraFiles, data: Path) -> None:
    """Refuses options that say how files are imported, where none are."""
    if given := options.given():
        raise ConfigError(
            f"{data}: {', '.join(given)} says how a camera's files are read, but these are "
            "TFRecords, which are imported already; leave it out"
        )
