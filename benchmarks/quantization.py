"""Every recipe from float to int8, by each calibration and by fine-tuning, on synthetic scenes and on recordings of
your own.

    python benchmarks/quantization.py [--data DIR] [--work DIR]   about an hour on 2 cores of its own

DIR is a data set of one second to a clip in the layout of TAU; without it the synthetic scenes are all. Writes
docs/quantization_results.md. An interrupted run goes on where it stopped: what is complete is kept in the work folder.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from recipes import BATCH, DATA_SEED, RECIPES, SECONDS_AT_ONCE, Job, asc_kit, recordings, table

from asc_kit.bundle import Bundle, BundleManifest
from asc_kit.scores.evaluation import headline

# the multi-label network learns the scenes as labels of their own
ALL = ("dcase2019_task2", *RECIPES)
# Networks whose batch normalization forgets slowly learn nothing in a few hundred steps: these need more of them, or
# a shorter memory. (recipe -> epochs, settings)
TRAINING = {
    # at its full width, 432 million multiplications, the reference kernels alone would take an hour
    "dcase2019_task2": (12, ("bn_momentum=0.9", "width=0.25")),
    "dcase2021_baseline": (6, ()),
    "dcase2022_baseline": (12, ()),
    # after four epochs their classes are so close together that rounding alone moves six clips of 600
    "dcase2021_resnet11": (8, ()),
    "dcase2021_resnet11_se": (8, ()),
    "dcase2021_resnet11_cbam": (8, ()),
}
# epochs on recordings of one's own, in thousands of which a network learns more than in a few hundred scenes; the
# slowest networks get what an hour leaves them
OWN_EPOCHS = 6
OWN_EPOCHS_OF = {"dcase2024_baseline": 3, "dcase2019_task2": 3}
OWN_EPOCHS_OF |= {f"dsmn_model{number}": 2 for number in (1, 2, 3, 4)}
# ten seconds of a recording of one would be silence for the most part
SHORTER = {"dcase2021_baseline": ("clip_samples=88199", "second_pool=[4,20]")}
REMARKS = "## What they say"
COARSE = ("indoor", "outdoor", "transport")
SETTINGS = {
    "PTQ min–max": ("--quantize", "ptq", "--calibration", "min_max"),
    "PTQ percentile": ("--quantize", "ptq", "--calibration", "percentile"),
    "PTQ MSE": ("--quantize", "ptq", "--calibration", "mse"),
    "PTQ corrected": ("--quantize", "ptq", "--calibration", "mse", "--equalize", "--correct-bias"),
    "QAT": ("--quantize", "qat", "--calibration", "mse", "--qat-epochs", "2"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained network and its int8 forms."""

    recipe: str
    bundles: dict[str, BundleManifest]

    @property
    def of_float(self) -> float:
        return 100 * headline(next(iter(self.bundles.values())).provenance.metrics_float)[1]

    def of_int8(self, setting: str) -> float:
        return 100 * headline(self.bundles[setting].provenance.metrics_int8)[1]

    def loss(self, setting: str | None) -> float:
        provenance = self.bundles[setting or "QAT"].provenance
        return (provenance.metrics_int8 if setting else provenance.metrics_float).log_loss


def synthetic_job(work: Path, recipe: str, clips: int, epochs: int) -> Job:
    seconds = SECONDS_AT_ONCE.get(recipe, 1)
    wanted, settings = TRAINING.get(recipe, (epochs, ()))
    return Job(
        title=recipe,
        recipe=recipe,
        # of clips of ten seconds more in all: a bound of half a point needs more than 200 test clips
        data=recordings(work, clips if seconds == 1 else 6 * clips, seconds),
        out=work / f"scenes-{recipe}",
        epochs=wanted,
        seed=1,
        overrides=(f"batch_size={max(1, BATCH // seconds)}", *settings),
    )


def job_on(data: Path, work: Path, recipe: str) -> Job:
    _, settings = TRAINING.get(recipe, (0, ()))
    overrides = (f"batch_size={BATCH}", *settings, *SHORTER.get(recipe, ()), *own_settings(recipe, data))
    return Job(
        title=recipe,
        recipe=recipe,
        data=data,
        out=work / f"{data.name}-{recipe}",
        epochs=OWN_EPOCHS_OF.get(recipe, OWN_EPOCHS),
        seed=1,
        overrides=overrides,
    )


def own_settings(recipe: str, data: Path) -> tuple[str, ...]:
    """What DSMN cannot know of data of one's own: no device to correct to, and coarse classes that mean nothing."""
    if not recipe.startswith("dsmn"):
        return ()
    lines = (data / "meta.csv").read_text().splitlines()[1:]
    labels = sorted({line.split("\t")[1] for line in lines})
    groups = {name: json.dumps(labels[start :: len(COARSE)]) for start, name in enumerate(COARSE)}
    return "device_correction_p=0", *(f"training.coarse_classes.{name}={group}" for name, group in groups.items())


class Clock:
    """How long each training and export took, kept in a file for runs that are interrupted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._seconds[name] = round(seconds, 1)
            self._path.write_text(json.dumps(self._seconds, indent=1, ensure_ascii=False))

    @property
    def minutes(self) -> float:
        return sum(self._seconds.values()) / 60


def row_of(job: Job, clock: Clock) -> Row:
    """Train and export in all ways, or open what was done before."""
    bundles = {}
    for name, options in {"": (), **SETTINGS}.items():
        out = job.out if not name else Path(f"{job.out}-{name.replace(' ', '-').replace(',', '')}")
        start, done = time.monotonic(), (out / ("bundle.json" if name else "run.json")).is_file()
        if not name:
            job.run()
        elif not done:
            asc_kit("export", job.out, "--out", out, "--data", job.data, *options)
        if not done:
            clock.add(out.name, time.monotonic() - start)
        if name:
            bundles[name] = Bundle.open(out).manifest
    row = Row(recipe=job.recipe, bundles=bundles)
    figures = ", ".join(f"{name} {row.of_int8(name):.1f}" for name in SETTINGS)
    print(f"{job.out.name}: float {row.of_float:.1f}, {figures}", flush=True)
    return row


def figures_table(rows: Sequence[Row], own: Sequence[Row], own_name: str) -> str:
    """Every setting on scenes; on recordings of one's own the best PTQ and QAT."""
    lines = []
    for index, row in enumerate(rows):
        figures = {name: row.of_int8(name) for name in SETTINGS}
        best = max(figures, key=lambda name: figures[name])
        cells = [f"**{value:.1f}**" if name == best else f"{value:.1f}" for name, value in figures.items()]
        if own:
            ptq = max(own[index].of_int8(name) for name in SETTINGS if name != "QAT")
            cells += [f"{value:.1f}" for value in (own[index].of_float, ptq, own[index].of_int8("QAT"))]
        lines.append((f"`{row.recipe}`", f"{row.of_float:.1f}", *cells))
    beside = (f"`{own_name}`: float", "best PTQ", "QAT") if own else ()
    return table(("recipe", "float", *SETTINGS, *beside), lines)


def losses(rows: Sequence[Row]) -> str:
    """Say what int8 costs in log loss, without fine-tuning and with it."""
    after = {(row.loss(name) - row.loss(None), name, row.recipe) for row in rows for name in SETTINGS if name != "QAT"}
    (most, setting, recipe), gain = max(after), max(row.loss(None) - row.loss("QAT") for row in rows)
    return f"""Log loss rises by at most {most:.3f} nats
after training (`{recipe}`, {setting}), and falls by up to {gain:.3f} with QAT."""


def fidelity(rows: Sequence[Row]) -> str:
    """Say how far the int8 networks are from their simulations."""
    each = [row.bundles[name].provenance.fidelity for row in rows for name in ("PTQ MSE", "QAT")]
    steps, same = max(agreement.mean_steps for agreement in each), min(agreement.same_class for agreement in each)
    return f"""After PTQ MSE and QAT, int8 networks differ from their simulations by at most {steps:.2f} steps of the
output on average, and find the same class for at least {100 * same:.1f} % of the inputs."""


def clips_of(rows: Sequence[Row]) -> str:
    return " or ".join(
        map(str, sorted({row.bundles["QAT"].provenance.metrics_int8.clips for row in rows}, reverse=True))
    )


def summary(title: str, rows: Sequence[Row]) -> str:
    worst = min(rows, key=lambda row: max(row.of_int8(name) for name in SETTINGS) - row.of_float)
    gap = max(worst.of_int8(name) for name in SETTINGS) - worst.of_float
    behind = [
        (row.of_int8("QAT") - max(row.of_int8(name) for name in SETTINGS if name != "QAT"), row.recipe) for row in rows
    ]
    return f"""**{title}.** Compared with float, the best setting does worst for `{worst.recipe}`: {gap:+.1f} points.
QAT is at most {max(0.0, -min(behind)[0]):.1f} points below the best PTQ (`{min(behind)[1]}`). {losses(rows)}"""


def remarks(page: Path) -> str:
    """Return what a person wrote about the tables, to be kept, and to be read again by one."""
    text = page.read_text() if page.is_file() else ""
    start, stop = text.find(REMARKS), text.rfind("Made by")
    return text[start:stop] if 0 <= start < stop else ""


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Recordings of your own.")
@click.option("--work", type=click.Path(path_type=Path), default=Path("asc-kit-quantization"), show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/quantization_results.md"), show_default=True)
@click.option("--clips", default=2000, show_default=True, help="Seconds of synthetic recordings; 7 in 10 train.")
@click.option("--epochs", default=4, show_default=True)
@click.option("--recipes", default=",".join(ALL), help="Only these, separated by commas.")
@click.option("--jobs", default=os.cpu_count() or 1, help="Networks side by side.  [default: one for each processor]")
def main(data: Path | None, work: Path, out: Path, clips: int, epochs: int, recipes: str, jobs: int) -> None:
    work.mkdir(parents=True, exist_ok=True)
    clock = Clock(work / "seconds.json")
    names = recipes.split(",")
    scenes = [synthetic_job(work, name, clips, epochs) for name in names]
    own = [job_on(data, work, name) for name in names] if data is not None else []
    with ThreadPoolExecutor(jobs) as pool:
        # each is processes of its own; the large networks, which are last, first: none is left alone in the end
        rows = list(pool.map(lambda job: row_of(job, clock), reversed([*scenes, *own])))[::-1]
    scene_rows, own_rows = rows[: len(names)], rows[len(names) :]
    own_name = data.name if data is not None else ""
    summaries = [summary("Scenes", scene_rows)]
    clips_of_own = ""
    if own_rows:
        summaries.append(summary(f"`{own_name}`", own_rows))
        clips_of_own = f", on `{own_name}` {clips_of(own_rows)}"
    summaries.append(fidelity(rows))
    text = f"""# What int8 costs, and what helps

For users who choose a setting of `asc-kit export`. Every recipe was trained on {clips} seconds of synthetic scenes
(`asc-kit data synth --seed {DATA_SEED}`) as in [results.md](results.md), with one seed;
[quantization.md](quantization.md) explains the settings. Networks whose batch normalization adapts slowly got more
steps: `dcase2022_baseline` 12 epochs, `dcase2021_baseline` 6 and six times as many seconds, in clips of ten, the
residual networks 8, `dcase2019_task2` 12 with a momentum of 0.9 and a quarter of its width. *PTQ corrected* is MSE
with `--equalize --correct-bias`; *QAT* starts from MSE and trains 2 epochs.

## Figures

Macro accuracy in %, lwlrap for `dcase2019_task2`; on scenes {clips_of(scene_rows)} test clips, the best int8 in
bold{clips_of_own}.

{figures_table(scene_rows, own_rows, own_name)}

{chr(10).join(f"{part}{chr(10)}" for part in summaries)}
{remarks(out)}Made by `python benchmarks/quantization.py{"" if data is None else " --data DIR"}`, {clock.minutes:.0f} \
minutes of {jobs} processes on the machine that made it.
"""
    out.write_text(text)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
