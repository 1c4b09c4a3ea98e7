"""The wheel holds every file the kit needs, and works away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"asc_kit": "asc_kit"} | {
    room: f"asc_kit/{room}" for room in ("train", "export", "firmware_gen", "device_runner", "boards")
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # built from what git tracks or would track, so that neither build output nor an old egg-info helps
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    source = tmp_path_factory.mktemp("source")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (found,) = out.glob("asc_kit-*.whl")
    return found


def test_every_file_of_the_rooms_is_in_it(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    expected = set()
    for name in tracked:
        room, _, rest = name.partition("/")
        expected.add(f"{ROOMS[room]}/{rest}")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_it_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = os.environ | {"PYTHONPATH": str(site)}
    # -P keeps the current folder off the path; the extracted wheel stands before the editable install
    code = "import asc_kit, asc_kit.train; print(asc_kit.__file__, asc_kit.train.__file__)"
    places = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert all(place.startswith(str(site)) for place in places), places
    command = [sys.executable, "-P", "-m", "asc_kit", "boards"]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "qemu-mps2-an386" in result.stdout
    # the demo's bundle comes with it
    recording = tmp_path / "x.wav"
    soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    command = [sys.executable, "-P", "-m", "asc_kit", "predict", "--demo", str(recording)]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and result.stdout.endswith("\t[demo]\n"), result.stderr
