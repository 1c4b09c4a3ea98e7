"""Make the bundle that comes with the package, for ``live --demo`` and ``predict --demo``: a few minutes.

    python benchmarks/demo_bundle.py        # writes device_runner/demo_bundle

Synthetic scenes, recipe `micro_1m`, int8; of the golden clips the smallest is kept, so that all is below 150 kB.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from asc_kit.bundle import GOLDEN, MANIFEST, MODEL, Bundle

FOLDER = Path(__file__).parents[1] / "device_runner" / "demo_bundle"
SEED = "1"
COMMANDS = (
    ("data", "synth", "--out", "data", "--clips", "2000", "--seed", SEED),
    ("train", "micro_1m", "--data", "data", "--out", "run", "--seed", SEED),
    ("export", "run", "--out", "bundle"),
)


def trim(bundle: Path, out: Path) -> None:
    """Copy what a bundle needs, with one golden clip, and take the name of the demo."""
    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    name = min(manifest["golden"], key=lambda entry: (bundle / GOLDEN / f"{entry['name']}.npz").stat().st_size)
    manifest |= {"name": "demo", "golden": [name]}
    shutil.rmtree(out, ignore_errors=True)
    (out / GOLDEN).mkdir(parents=True)
    shutil.copy(bundle / MODEL, out)
    shutil.copy(bundle / GOLDEN / f"{name['name']}.npz", out / GOLDEN)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    Bundle.open(out)


def main() -> None:
    """Make it."""
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            subprocess.run([sys.executable, "-P", "-m", "asc_kit", *command], cwd=folder, check=True)
        trim(Path(folder) / "bundle", FOLDER)


if __name__ == "__main__":
    main()
