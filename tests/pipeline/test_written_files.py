"""Every command that writes, by name: run it twice, and nothing of the user's is gone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from sample_result import sample_result

from asc_kit.cli import cli
from asc_kit.errors import AscKitError
from asc_kit.outputs import INVENTORY
from asc_kit.outputs.inventory import read_inventory
from asc_kit.records.record import write_json

# what a command writes where it is told to, as the words of the command line; the exported run, its data and its
# bundle are in {base}, the folder is {out}
WRITES: dict[str, list[str]] = {
    "data synth": "data synth --out {out} --clips 100 --seconds 0.1 --sample-rate 8000 --jobs 1".split(),
    "train": "train {recipe} --data {data} --out {out} --epochs 1".split(),
    "evaluate": ["evaluate", "{run}", "--data", "{data}", "--out", "{out}", "--predictions", "{out}/predictions.csv"],
    "export": ["export", "{run}", "--out", "{out}", "--representative", "30", "--variant", "float16"],
    "inspect": ["inspect", "{bundle}", "--html", "{out}/page.html"],
    "plan": ["plan", "{bundle}", "--memory-map", "{out}/map.svg"],
    "firmware": ["firmware", "{bundle}", "--board", "host", "--out", "{out}", "--memory-map"],
    "report": ["report", "{results}", "-o", "{out}"],
}
# the others, and why they need not be here
OTHERS = {
    "demo": "runs the commands above, and bench",
    "bench": "each result has a folder of its own, which is never written again: tests/emulated",
    "data splits": "writes files that are not there, and splits.json of its own: tests/unit/test_official_splits.py",
    "data info": "writes nothing",
    "data check": "writes nothing",
    "complexity": "writes nothing",
    "verify-link": "firmware alone, by the command above, where bench has it too",
    "verify": "works in a temporary folder",
    "compare": "writes nothing",
    "submit pack": "one file, by way of write_file: tests/pipeline/test_submit.py",
    "submit check": "writes nothing",
    "predict": "writes nothing",
    "live": "--log and --record-changes touch files of their own alone: tests/unit/test_writers.py",
    "boards": "writes nothing",
    "ports": "writes nothing",
    "doctor": "writes nothing",
}
STRANGERS = {
    "notes.txt": "mine",
    ".hidden": "mine",
    "app.c": "mine",
    "results/board-features/results.json": "mine",
    "firmware/board/build/firmware.elf": "mine",
}

Run = Callable[[Path], None]


def names_of(group: click.Group, prefix: str = "") -> set[str]:
    found = set()
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        is_group = isinstance(command, click.Group)
        found |= names_of(command, f"{prefix}{name} ") if is_group else {prefix + name}  # type: ignore[arg-type]
    return found


def test_every_command_is_here() -> None:
    """A new command: put it into WRITES, or say in OTHERS why it cannot harm a file of the user's."""
    assert not names_of(cli) - set(WRITES) - set(OTHERS)
    assert set(WRITES) <= names_of(cli) and not set(WRITES) & set(OTHERS)


@pytest.fixture
def run(request: pytest.FixtureRequest, exported: Path, recipe_path: str, tmp_path: Path) -> Run:
    """Return what runs the command."""
    results = tmp_path / "given" / "results.json"
    write_json(results, sample_result())

    def run(out: Path) -> None:
        (out if out.name == "file" else out.parent).mkdir(parents=True, exist_ok=True)
        words = [
            word.format(
                out=out,
                data=exported / "data",
                run=exported / "run [2] *",
                bundle=exported / "bundle",
                recipe=recipe_path,
                results=results,
            )
            for word in WRITES[request.param]
        ]
        if request.param in ("inspect", "evaluate"):
            out.mkdir(exist_ok=True)
        cli.main(words, standalone_mode=False)

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("run", WRITES, indirect=True)
def test_twice_and_nothing_of_the_users_is_gone(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out)
    own = [path for files in read_inventory(out).written.values() for path in files]
    assert sorted(own) == sorted(set(content(out)) - {INVENTORY}), "all that was written is on the list"

    strangers = STRANGERS | {f"{path.relative_to(out).as_posix()}/mine.c": "mine" for path in out.rglob("*/")}
    for name, text in strangers.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    run(out)
    after = content(out)
    assert {name: after.get(name) for name in strangers} == {name: text.encode() for name, text in strangers.items()}
    own = [path for files in read_inventory(out).written.values() for path in files]
    assert set(after) == {*own, *strangers, INVENTORY}, "nothing is left over either"

    # one of the kit's own files that the user worked on
    edited = out / sorted(own)[-1]
    edited.write_bytes(edited.read_bytes() + b"\n/* mine */\n")
    before = content(out)
    with pytest.raises(AscKitError, match=edited.name) as caught:
        run(out)
    assert caught.value.hint is not None and content(out) == before

    # a file of the user's that has the name of one that is to be written
    taken = tmp_path / "taken"
    (taken / own[0]).parent.mkdir(parents=True)
    (taken / own[0]).write_text("mine")
    with pytest.raises(AscKitError, match=r"was not written by|is not what|kept no list"):
        run(taken)
    assert content(taken) == {own[0]: b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "out", "taken"], "no temporary folder is left"


def test_one_folder_for_all_of_it(exported: Path, tmp_path: Path) -> None:
    """A bundle with firmware, results, a report and notes in it, and all of them made again, twice."""
    bundle, results = tmp_path / "bundle", tmp_path / "bundle" / "results" / "host" / "results.json"
    steps = [
        ["export", str(exported / "run [2] *"), "--out", str(bundle), "--representative", "30", "--board", "host"],
        ["report", str(results), "-o", str(bundle / "report")],
        ["inspect", str(bundle), "--html", str(bundle / "page.html")],
        ["plan", str(bundle), "--memory-map", str(bundle / "map.png")],
    ]
    cli.main(steps[0], standalone_mode=False)
    write_json(results, sample_result())
    (bundle / "notes.txt").write_text("mine")
    (bundle / "firmware" / "host" / "app.c").write_text("mine")
    kept = {name: content(bundle)[name] for name in ("results/host/results.json", "notes.txt", "firmware/host/app.c")}
    for _ in range(2):
        for step in steps:
            cli.main(step, standalone_mode=False)
        assert kept.items() <= content(bundle).items()
    shutil.rmtree(bundle)
