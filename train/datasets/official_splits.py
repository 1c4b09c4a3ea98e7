"""The official split files of DCASE 2024 and 2025 Task 1: downloaded, verified, and recorded with their SHA-256.

Both years use TAU Urban Acoustic Scenes 2022 Mobile with the training subsets that the organisers publish as release
files of their baseline. No hashes are published, so each file is checked against the published description, and against
the ``meta.csv`` and ``evaluation_setup`` that came with the recordings. ``splits.json`` records its SHA-256; from then
on no other file is accepted in its place.

Source: README and task description of the DCASE 2024 Task 1 baseline, https://github.com/CPJKU/dcase2024_task1_baseline
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asc_kit.dataset import Clip, Dataset, Layout, find_layout, read_dataset
from asc_kit.dataset.pins import PINS, PinnedFile, Pins, read_pins
from asc_kit.dataset.spelling import composed
from asc_kit.dataset.tables import Table, parse_table
from asc_kit.dataset.tau import SPLIT_COLUMNS, TableSplits, match_split, parse_name
from asc_kit.errors import DataError
from asc_kit.records.record import write_bytes, write_json

SPLITS_URL = "https://github.com/CPJKU/dcase2024_task1_baseline/releases/download/files/"
FILES = {
    2024: ("split5.csv", "split10.csv", "split25.csv", "split50.csv", "split100.csv", "test.csv"),
    2025: ("split25.csv", "test.csv"),
}
LOCAL = "local"

_TIMEOUT_S = 30
# The largest of them, split100.csv, has 139,620 rows of about 60 bytes.
_MAX_BYTES = 64 * 2**20
# "Approximately 5, 10, 25, 50 %", "approximately uniform", "similar": how far a right file may deviate.
_SHARE_SLACK = 0.2
_SCENE_SLACK = 0.5
_DEVICE_SLACK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFile:
    """A split file that passed."""

    name: str
    """Its file name."""
    data: bytes
    """Its bytes."""
    source: str
    """Its origin: a URL, or ``local``."""
    state: Literal["downloaded", "kept"]
    """Whether it was there before."""
    clips: tuple[Clip, ...]
    """The clips it names."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()


def fetch_splits(
    root: Path,
    *,
    year: int = 2024,
    url: str = SPLITS_URL,
    wanted: Mapping[str, str] | None = None,
    layout: Layout | None = None,
) -> list[SplitFile]:
    """Put the official split files of a year into a data set's folder.

    Files that are there are not downloaded again; they are verified like the others. Nothing is written unless all
    files pass.

    Parameters
    ----------
    root
        Folder of the TAU Urban Acoustic Scenes 2022 Mobile development set.
    year
        2024 or 2025.
    url
        Where the files are.
    wanted
        Required SHA-256 of files, in hexadecimal, by file name.
    layout
        What the user says the layout is; None to find out.

    Returns
    -------
    list of SplitFile
        In the order of `FILES`.

    Raises
    ------
    DataError
        If a file cannot be downloaded, contradicts its published description, or differs from the SHA-256 given or
        recorded.
    """
    wanted = {
        name if name.endswith(".csv") else f"{name}.csv": digest.lower() for name, digest in (wanted or {}).items()
    }
    strange = sorted(set(wanted) - set(FILES[year]))
    if strange:
        raise DataError(
            f"no official split file of {year} is called {', '.join(strange)}",
            hint=f"they are: {', '.join(FILES[year])}",
        )
    if find_layout(root, layout) is not Layout.TAU:
        raise DataError(
            f"{root} has no meta.csv: the official splits belong to TAU Urban Acoustic Scenes 2022 Mobile",
            hint="give the folder of that data set with --data",
        )
    dataset = read_dataset(root, layout=layout)
    pins = read_pins(root)
    by_name = {composed(clip.filename): clip for clip in dataset.clips}
    files = [_get(root, name, url, year, wanted, pins, by_name, dataset.labels) for name in FILES[year]]
    verify(dataset, {file.name: file for file in files})
    for file in files:
        if file.state == "downloaded":
            write_bytes(root / file.name, file.data)
    recorded = {
        file.name: pins.files.get(file.name)
        or PinnedFile(sha256=file.sha256, clips=len(file.clips), source=file.source)
        for file in files
    }
    if recorded.items() - pins.files.items():
        write_json(root / PINS, Pins(files={**pins.files, **recorded}))
    return files


def verify(dataset: Dataset, files: Mapping[str, SplitFile]) -> None:
    """Check split files against their published description.

    Smaller splits lie in larger ones; a 10 s recording is wholly in a split or not at all; a split has about its
    percentage of the clips, its scenes are about equally frequent, its recording devices are as frequent as in the
    whole; all of it is the training split of 2022 and 2023; training and test share no place.

    Raises
    ------
    DataError
        If the description does not hold; the message names the file.
    """
    names = {name: {clip.filename for clip in file.clips} for name, file in files.items()}
    whole = files["split100.csv"].clips if "split100.csv" in files else _fold(dataset, "fold1_train")
    for name, file in files.items():
        training = name != "test.csv"
        expected = len(whole) * _percentage(name) / 100 if training and whole else 0.0
        if expected and abs(len(file.clips) - expected) > _SHARE_SLACK * expected:
            raise _wrong(file, f"it names {len(file.clips)} clips, {expected:.0f} are expected")
        _check_scenes(dataset, file)
        if training and whole:
            outside = names[name] - {clip.filename for clip in whole}
            if outside:
                raise _wrong(file, f"{len(outside)} clips are not in the whole training split, {min(outside)} is one")
            _check_whole_recordings(file, whole)
            _check_devices(file, whole)
    subsets = [name for name in FILES[2024] if name in files and name != "test.csv"]
    for smaller, larger in zip(subsets, subsets[1:], strict=False):
        outside = names[smaller] - names[larger]
        if outside:
            raise _wrong(files[smaller], f"{len(outside)} clips are not in {larger}, {min(outside)} is one of them")
    if "split100.csv" in files and (fold := _fold(dataset, "fold1_train")):
        differ = names["split100.csv"] ^ {clip.filename for clip in fold}
        if differ:
            raise _wrong(files["split100.csv"], f"{len(differ)} clips differ from evaluation_setup/fold1_train.csv")
    if "test.csv" in files:
        places = {clip.identifier for clip in files["test.csv"].clips} & {clip.identifier for clip in whole}
        if places:
            raise _wrong(files["test.csv"], f"{len(places)} places are in training too, {min(places)} is one of them")


def download(url: str) -> bytes:
    """Download a file.

    Raises
    ------
    DataError
        If the server cannot be reached or refuses, or if it ends before the announced length.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            announced = answer.headers.get("Content-Length")
            data: bytes = answer.read(_MAX_BYTES + 1)
    except urllib.error.HTTPError as failure:
        raise DataError(f"{url} cannot be downloaded: the server says {failure.code} {failure.reason}") from failure
    except urllib.error.URLError as failure:
        raise DataError(f"{url} cannot be downloaded: {failure.reason}") from failure
    except (OSError, http.client.HTTPException, ValueError) as failure:
        raise DataError(f"{url} cannot be downloaded: {failure or type(failure).__name__}") from failure
    if len(data) > _MAX_BYTES:
        raise DataError(f"{url} is longer than {_MAX_BYTES} bytes: that is no split file")
    if announced is not None and announced.isdigit() and len(data) != int(announced):
        raise DataError(f"{url} ended after {len(data)} bytes of {announced}", hint="try again")
    return data


def _get(
    root: Path,
    name: str,
    url: str,
    year: int,
    wanted: Mapping[str, str],
    pins: Pins,
    by_name: Mapping[str, Clip],
    labels: tuple[str, ...],
) -> SplitFile:
    path = root / name
    address = url.rstrip("/") + "/" + name
    if path.is_file():
        data, source = path.read_bytes(), LOCAL
    else:
        try:
            data, source = download(address), address
        except DataError as failure:
            absent = [other for other in FILES[year] if not (root / other).is_file()]
            raise DataError(
                failure.message,
                hint=f"with a browser, fetch {', '.join(absent)} from {url}, put them into {root}, repeat the command: "
                f"they are verified then",
            ) from failure
    digest = hashlib.sha256(data).hexdigest()
    where = str(path) if source == LOCAL else source
    pinned = pins.files.get(name)
    for expected, origin in ((wanted.get(name), "--sha256"), (pinned.sha256 if pinned else None, str(root / PINS))):
        if expected is not None and digest != expected:
            raise DataError(
                f"{where} has the SHA-256 {digest}, {origin} says {expected}",
                hint=f"remove {path} to download it again; remove its entry in {root / PINS} only if you know why "
                f"the published file changed",
            )
    table = parse_table(data, path if source == LOCAL else Path(name), "\t")
    clips = match_split(_strict(table), by_name, labels)
    return SplitFile(
        name=name, data=data, source=source, state="kept" if source == LOCAL else "downloaded", clips=clips
    )


def _strict(table: Table) -> Table:
    if table.header != SPLIT_COLUMNS:
        raise DataError(
            f"{table.path} is not a split file: its header must be {' '.join(SPLIT_COLUMNS)}, TAB-separated. "
            f"Received: {' '.join(table.header)[:80]!r}"
        )
    return table


def _check_scenes(dataset: Dataset, file: SplitFile) -> None:
    counts = Counter(clip.scene_label for clip in file.clips)
    even = len(file.clips) / len(dataset.labels)
    for label in dataset.labels:
        if abs(counts[label] - even) > _SCENE_SLACK * even:
            raise _wrong(file, f"{counts[label]} clips of {label}, about {even:.0f} are expected")


def _check_devices(file: SplitFile, whole: tuple[Clip, ...]) -> None:
    here = Counter(clip.recording_device for clip in file.clips)
    there = Counter(clip.recording_device for clip in whole)
    for device, count in there.items():
        share, usual = here[device] / len(file.clips), count / len(whole)
        if abs(share - usual) > _DEVICE_SLACK:
            raise _wrong(file, f"{share:.0%} of its clips are of recording device {device}, {usual:.0%} in the whole")


def _check_whole_recordings(file: SplitFile, whole: tuple[Clip, ...]) -> None:
    parts = Counter(told.recording for clip in whole if (told := parse_name(clip.filename)))
    here = Counter(told.recording for clip in file.clips if (told := parse_name(clip.filename)))
    for recording, count in here.items():
        if count != parts[recording]:
            raise _wrong(file, f"it has {count} of the {parts[recording]} parts of {recording}")


def _fold(dataset: Dataset, name: str) -> tuple[Clip, ...]:
    """Return the clips of a split that came with the data set; none if it is missing."""
    present = TableSplits(root=dataset.root).find(f"evaluation_setup/{name}")
    return dataset.split(f"evaluation_setup/{name}").clips if present else ()


def _percentage(name: str) -> int:
    return int(name.removeprefix("split").removesuffix(".csv"))


def _wrong(file: SplitFile, problem: str) -> DataError:
    return DataError(
        f"{file.name} ({file.source}) is not the official split of this data set: {problem}",
        hint="use the meta.csv and evaluation_setup of TAU Urban Acoustic Scenes 2022 Mobile, development set"
        if file.source != LOCAL
        else f"remove {file.name} to download it again",
    )
