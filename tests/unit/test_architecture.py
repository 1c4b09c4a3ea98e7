"""The rooms keep apart: who may import whom, held against the code's own import statements."""

import ast
import importlib.metadata
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("train", "export", "firmware_gen", "device_runner")
TENSORFLOW = {"tensorflow", "keras"}
SERIAL = {"serial"}

# lowest floor first: a room imports from lower floors alone, never from its own floor or one above
FLOORS = {
    "asc_kit": (
        ("errors", "text", "pages", "protocol"),
        ("process", "tflite"),
        ("records",),
        ("challenge_rules", "dataset", "frontend", "hardware", "outputs", "quantization"),
        ("firmware", "recordings", "scores"),
        ("bundle", "result", "run"),
        ("inference", "measurements", "stages"),
        ("cli",),
        ("__main__",),
    ),
    "train": (
        ("datasets", "frontend_graph", "layers", "model_file", "synth", "tensorflow_start"),
        ("blocks", "network"),
        ("evaluation", "models", "submission", "warm_start"),
        ("recipe",),
        ("augmentation", "complexity"),
        ("inputs",),
        ("fitting",),
        ("session",),
        ("commands",),
    ),
    "export": (
        ("c_array", "conversion", "graph_check", "network", "representative", "variants"),
        ("quantization",),
        ("inspection", "training_windows"),
        ("bundling",),
        ("commands",),
    ),
    "firmware_gen": (
        ("c_text", "network"),
        ("arithmetic", "frontend"),
        ("operators",),
        ("kernel_sets", "read"),
        ("plan",),
        ("write",),
        ("generate", "projects"),
        ("service",),
        ("commands",),
    ),
    "device_runner": (
        ("classifier", "line", "media"),
        ("attack", "bench", "fitting", "listening", "predict", "verification"),
        ("comparison", "cycles", "outlets", "report", "streams"),
        ("live",),
        ("commands",),
    ),
}
MOST_LOOSE_MODULES = 14
ONE_FILE_PER_THING = {"export/network/operators", "firmware_gen/operators"}


def imports(path: Path) -> set[str]:
    """Absolute dotted names a file imports, anywhere in it; relative imports resolved to the package's own name."""
    names = set()
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            assert base, f"{path} reaches out of its package"
            module = ".".join((*base, *filter(None, [node.module])))
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def test_imports_are_seen() -> None:
    # the checks below would pass on an empty set too
    assert "asc_kit.errors" in imports(ROOT / "asc_kit" / "recordings" / "audio.py")


@pytest.mark.parametrize("stage", STAGES)
def test_stages_do_not_import_each_other(stage: str) -> None:
    others = {other for other in STAGES if other != stage}
    for path in sources(stage):
        for name in imports(path):
            parts = name.split(".")
            reached = parts[1] if parts[0] == "asc_kit" and len(parts) > 1 else parts[0]
            assert reached not in others, f"{path.relative_to(ROOT)} imports {name}"


def room_of(path: Path, package: str) -> str:
    """First part of a path below its package: a folder, or a module that stands alone."""
    return path.relative_to(ROOT / package).with_suffix("").parts[0]


def rooms_imported(path: Path, package: str) -> set[str]:
    """Rooms of its own package that a file imports."""
    prefix = "asc_kit." if package == "asc_kit" else f"asc_kit.{package}."
    # a file of a stage reaches its own package by relative imports, resolved to the folder's name
    names = {name if name.startswith("asc_kit") else f"asc_kit.{name}" for name in imports(path)}
    rooms = {name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)}
    return rooms & {room for floor in FLOORS[package] for room in floor}


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_one_floor(package: str) -> None:
    present = {room_of(path, package) for path in sources(package)} - {"__init__"}
    listed = [room for floor in FLOORS[package] for room in floor]
    assert sorted(listed) == sorted(present)


@pytest.mark.parametrize("package", FLOORS)
def test_the_document_names_every_room(package: str) -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = text[text.index(f"| `{package}/` | |") :].partition("\n\n")[0]
    # commands are described once, for all stages
    rooms = {room for floor in FLOORS[package] for room in floor} - {"commands", "__main__"}
    assert not [room for room in rooms if f"`{room}/`" not in table and f"`{room}.py`" not in table]


@pytest.mark.parametrize("package", FLOORS)
def test_nothing_imports_upwards(package: str) -> None:
    floor_of = {room: number for number, floor in enumerate(FLOORS[package]) for room in floor}
    downwards = 0
    for path in sources(package):
        room = room_of(path, package)
        if room == "__init__":
            # whatever a package's first line imports, everything in it imports
            assert not rooms_imported(path, package), path.relative_to(ROOT)
            continue
        for reached in rooms_imported(path, package) - {room}:
            assert floor_of[reached] < floor_of[room], f"{path.relative_to(ROOT)} imports {reached}"
            downwards += 1
    assert downwards > 10  # imports between rooms are seen at all


def test_no_import_goes_in_a_circle() -> None:
    """Floors order the rooms; this orders the modules of a room, through all of its folders."""
    modules = {}
    for package in ("asc_kit", *STAGES):
        for path in sources(package):
            *folders, name = path.relative_to(ROOT).with_suffix("").parts
            modules[".".join(folders if name == "__init__" else (*folders, name))] = path
    graph = {}
    for module, path in modules.items():
        # a stage's own name is that of its folder, or, from outside, below asc_kit
        names = imports(path) | {name.removeprefix("asc_kit.") for name in imports(path)}
        named = names & set(modules) - {module}
        # a package begins before its modules do: to take one from it is not to wait for its end
        graph[module] = {name for name in named if not module.startswith(f"{name}.")}
    assert sum(map(len, graph.values())) > 1000  # imports are seen at all
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as failure:
        pytest.fail(" imports ".join(reversed(failure.args[1])))


@pytest.mark.parametrize("package", FLOORS)
def test_no_room_is_full(package: str) -> None:
    for folder in [ROOT / package, *(ROOT / package).rglob("*")]:
        if folder.is_dir() and str(folder.relative_to(ROOT)) not in ONE_FILE_PER_THING:
            modules = [path.name for path in folder.glob("*.py")]
            assert len(modules) <= MOST_LOOSE_MODULES, f"{folder.relative_to(ROOT)}: {len(modules)}"


def test_contracts_import_no_stage() -> None:
    for path in sources("asc_kit"):
        for name in imports(path):
            parts = name.split(".")
            assert not (parts[0] == "asc_kit" and len(parts) > 1 and parts[1] in STAGES), f"{path.name}: {name}"
            assert parts[0] not in TENSORFLOW | SERIAL, f"{path.name}: {name}"


@pytest.mark.parametrize("stage", ["firmware_gen", "device_runner", "boards"])
def test_no_tensorflow_beyond_export(stage: str) -> None:
    for path in sources(stage):
        assert not {name.split(".")[0] for name in imports(path)} & TENSORFLOW, path


@pytest.mark.parametrize("package", ["asc_kit", "firmware_gen", "device_runner", "boards"])
def test_no_scipy_beyond_training(package: str) -> None:
    """SciPy is half of what a Raspberry Pi would install, and most of the time until the first prediction."""
    for path in sources(package):
        assert "scipy" not in {name.split(".")[0] for name in imports(path)}, path


def test_no_document_holds_both_sides_of_a_merge() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(documents) > 20
    for path in documents:
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.startswith(("<<<<<<<", ">>>>>>>"))], path


def test_boards_hold_data_only() -> None:
    assert [path.name for path in sources("boards")] == ["__init__.py"]
    assert len(ast.parse((ROOT / "boards" / "__init__.py").read_text()).body) == 1


def test_every_package_is_declared() -> None:
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    present = set()
    for folder in ("asc_kit", *STAGES, "boards"):
        for init in sorted((ROOT / folder).rglob("__init__.py")):
            parts = init.parent.relative_to(ROOT).parts
            present.add(".".join(parts if parts[0] == "asc_kit" else ("asc_kit", *parts)))
    assert present == declared


def test_version_is_said_once() -> None:
    from asc_kit import __version__

    assert importlib.metadata.version("asc-kit") == __version__
