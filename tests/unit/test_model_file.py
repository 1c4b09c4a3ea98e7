"""A recipe's model in a file of the user's own: found beside the recipe, checked, and run by nothing but its recipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asc_kit.errors import SpecError
from asc_kit.records.record import read_record
from asc_kit.train.model_file import call_build, own_model_of
from asc_kit.train.recipe import Recipe, load_recipe, model_code, override, resolved, write_recipe

MODEL = """
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path

Path(__file__).with_suffix(".ran").touch()
N_LABELS = 7

@dataclass(frozen=True)
class Settings:
    channels: int = 8
    sizes: tuple[int, ...] = (3, 3)

def build(settings, input_shape, n_labels):
    raise KeyError("not today")
"""
LINE_OF_FAILURE = MODEL.split("\n").index('    raise KeyError("not today")') + 1


@pytest.fixture
def recipe_path(tmp_path: Path) -> Path:
    """A recipe with a model beside it."""
    write_recipe(load_recipe("micro_1m"), tmp_path / "mine.toml")
    text = (tmp_path / "mine.toml").read_text()
    text = re.sub(r"^model = .*$", 'model = "net.py"', text, flags=re.MULTILINE)
    head, _, rest = text.partition("[model_settings]")
    rest = rest[rest.index("[frontend]") :]
    (tmp_path / "mine.toml").write_text(head + "[model_settings]\nchannels = 12\n\n" + rest)
    (tmp_path / "net.py").write_text(MODEL)
    return tmp_path / "mine.toml"


def test_it_is_found_beside_the_recipe_wherever_one_is(
    recipe_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/")
    recipe = load_recipe(str(recipe_path))
    assert recipe.model == str(recipe_path.parent / "net.py")
    said = "".join(capsys.readouterr().err.split())
    assert f"thecodeof{recipe_path.parent / 'net.py'}isrun" in said
    # what is written down has no folder of this machine, and all settings
    assert resolved(recipe)["model"] == "net.py"
    assert resolved(recipe)["model_settings"] == {"channels": 12, "sizes": [3, 3]}
    changed = override(recipe, ["sizes=[5]", "epochs=2"])
    assert resolved(changed)["model_settings"]["sizes"] == [5] and changed.model == recipe.model
    assert resolved(load_recipe(str(recipe_path), ["channels=3"]))["model_settings"]["channels"] == 3


def test_a_written_recipe_has_its_model_beside_it_as_it_was_run(recipe_path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(recipe_path))
    before = model_code(recipe)
    (recipe_path.parent / "net.py").write_text(MODEL + "# edited while the training runs\n")
    (tmp_path / "run").mkdir()
    write_recipe(recipe, tmp_path / "run" / "recipe.toml")
    assert (tmp_path / "run" / "net.py").read_text() == MODEL
    again = load_recipe(str(tmp_path / "run" / "recipe.toml"))
    assert resolved(again) == resolved(recipe) and model_code(again) == before is not None
    # another training reads the file again
    assert model_code(load_recipe(str(recipe_path))) != before
    assert model_code(load_recipe("micro_1m")) is None


def test_reading_the_record_alone_runs_nothing(recipe_path: Path) -> None:
    assert read_record(Recipe, recipe_path).model == "net.py"
    assert not recipe_path.with_name("net.ran").exists()
    load_recipe(str(recipe_path))
    assert recipe_path.with_name("net.ran").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def build", "def make", "has no function build"),
        ("def build(settings, input_shape, n_labels):", "build = 3\ndef other():", "has no function build"),
        ("(settings, input_shape, n_labels)", "(settings)", r"Received: build\(settings\)"),
        ("(settings, input_shape, n_labels)", "(settings, *, shape, n)", r"Received: build\(settings, \*, shape, n\)"),
        ("class Settings", "class Options", "has no dataclass Settings"),
        ("@dataclass(frozen=True)", "", "has no dataclass Settings"),
        ("class Settings:", "class Settings", r"cannot be run: expected ':', line 10"),
        ("N_LABELS = 7", "N_LABELS = 1 / 0", r"cannot be run: ZeroDivisionError: division by zero, line 7"),
        ("N_LABELS = 7", "raise SystemExit(7)", "cannot be run: SystemExit: 7, line 7"),
        ("import Path\n", "import Path\nimport no_such_package\n", "cannot be run: ModuleNotFoundError.*line 5"),
        ("channels: int", "widths: int", r"channels: Unexpected keyword argument"),
        ("channels: int", "channels: str", r"channels: .*valid string, received 12"),
    ],
)
def test_what_is_wrong_with_it_is_named(old: str, new: str, message: str, recipe_path: Path) -> None:
    assert old in MODEL
    (recipe_path.parent / "net.py").write_text(MODEL.replace(old, new, 1))
    with pytest.raises(SpecError, match=message) as caught:
        load_recipe(str(recipe_path))
    if "has no" in message or "Received" in message:
        assert "build(settings, input_shape, n_labels)" in str(caught.value.hint) + caught.value.message


@pytest.mark.parametrize("name", ["../net.py", "/tmp/net.py", "sub/net.py", "C:net.py", "a\\\\net.py"])
def test_it_lies_beside_the_recipe(name: str, recipe_path: Path) -> None:
    recipe_path.write_text(recipe_path.read_text().replace('"net.py"', f'"{name}"'))
    with pytest.raises(SpecError, match="lies beside its recipe"):
        load_recipe(str(recipe_path))
    assert not recipe_path.with_name("net.ran").exists()
    with pytest.raises(SpecError, match="lies beside its recipe"):
        own_model_of({"model": name.replace("\\\\", "\\")})


def test_an_absent_file_is_named(recipe_path: Path) -> None:
    recipe_path.write_text(recipe_path.read_text().replace('"net.py"', '"nett.py"'))
    with pytest.raises(SpecError, match=r"names the model file .*/nett\.py, which does not exist") as caught:
        load_recipe(str(recipe_path))
    assert "micro_scene" in str(caught.value.hint)
    recipe_path.with_name("nett.py").mkdir()
    with pytest.raises(SpecError, match=r"/nett\.py, which is no file"):
        load_recipe(str(recipe_path))


def test_a_network_of_the_kit_has_no_file_in_a_run() -> None:
    assert own_model_of({"model": "micro_scene"}) is None and own_model_of({}) is None
    assert own_model_of({"model": ["x.py"]}) is None and own_model_of({"model": "x.py"}) == "x.py"


def test_a_build_that_fails_or_gives_no_network_is_named(recipe_path: Path) -> None:
    path = recipe_path.parent / "net.py"
    namespace: dict[str, object] = {"__file__": str(path)}
    exec(compile(MODEL, str(path), "exec"), namespace)
    failing = rf"build of .*net\.py failed: KeyError: 'not today', line {LINE_OF_FAILURE}"
    with pytest.raises(SpecError, match=failing):
        call_build(path, namespace["build"], None, (1, 2, 3), 4)
    with pytest.raises(SpecError, match=r"takes \(None, 1, 2, 3\) and gives \(None, 4\)\. Received: NoneType"):
        call_build(path, lambda *_: None, None, (1, 2, 3), 4)
    with pytest.raises(SpecError, match="too few"):
        call_build(path, too_few, None, (1, 2, 3), 4)


def too_few(*_: object) -> None:
    raise SpecError("too few frames")
