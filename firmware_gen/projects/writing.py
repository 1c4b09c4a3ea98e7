"""From a model to the folder of a project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from asc_kit import __version__
from asc_kit.hardware.board import Arithmetic, Board, KernelSetName, Optimize
from asc_kit.hardware.target import Target
from asc_kit.outputs import OutputKind, new_folder
from asc_kit.records.record import write_bytes

from ..frontend.tables import FrontEndTables, frontend_tables
from ..kernel_sets import PORTABLE, choose_kernel_set, load_kernel_set
from ..plan.plan import make_plan
from ..read.model import Model, name_file
from ..write.emit import emit_example, make_environment
from ..write.prefix import find_names
from ..write.sources import Files, c_sources, engine_files, server_macros
from .kinds import load_project_kind
from .project_kind import Engine
from .variants import merge_engines, public_headers

_SUFFIX = ".j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project that was written."""

    kind: str
    """Its kind: ``cmake``."""
    name: str
    """Name of its library."""
    kernels: str
    """Kernel set of its engine; cores that cannot run it take portable kernels."""
    model_sha256: str
    """Hash of the flatbuffer."""
    files: tuple[str, ...]
    """Its files."""
    hint: str
    """How to use it, in a few lines."""


def make_project(
    model: Model,
    target: Board | Target,
    kind: str,
    out: Path,
    *,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
    prefix: str | None = None,
) -> Project:
    """Write a model as a project; the folder appears complete or not at all.

    Parameters
    ----------
    model
        The model.
    target
        What it is for, which decides about kernels, the front end's arithmetic, the compiler and its flags.
    kind
        Name of the kind of project.
    out
        Folder to write; of one that this function wrote before, its own files are replaced.
    kernels
        Name of the kernel set; None for the target's own.
    optimize
        What to prefer where speed and size conflict.
    prefix
        What the network's own names begin with, which is the library's name too; None for ``asc``.

    Raises
    ------
    ModelError
        When the model holds something that is not supported.
    BoardError
        When its core cannot run the kernel set.
    """
    spec = load_project_kind(kind)
    with name_file(model.file):
        engine = make_engine(model, target, choose_kernel_set(target, kernels), optimize, spec.frontend, prefix)
    files, hint = project_files(engine, kind)
    output = OutputKind(name=f"{kind} project", command=f"asc-kit firmware --project {kind}")
    with new_folder(out, output, files) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data)
    return Project(
        kind=kind,
        name=engine.name,
        kernels=engine.kernels,
        model_sha256=engine.info.model_sha256,
        files=tuple(sorted(files)),
        hint=hint,
    )


def make_engine(
    model: Model,
    target: Board | Target,
    kernels: KernelSetName,
    optimize: Optimize,
    frontend: Arithmetic | None,
    prefix: str | None = None,
) -> Engine:
    """Return the engine of a model, with portable kernels and integer arithmetic for cores that cannot run it.

    Parameters
    ----------
    model, target, kernels, optimize, prefix
        As of `make_project`.
    frontend
        What the front end calculates with; None for the target's own.
    """
    info = model.info
    frontend = frontend or target.frontend

    def generate(kernel_set: KernelSetName, tables: FrontEndTables | None) -> Files:
        plan = make_plan(model.graph, kernel_set, optimize)
        return {
            Path(name).name: data for name, data in engine_files(plan, tables, info, weak=prefix is not None).items()
        }

    own_tables = frontend_tables(info.frontend, info.input, frontend) if info.frontend is not None else None
    files = plain_files = generate(kernels, own_tables)
    condition = load_kernel_set(kernels).condition
    if condition is not None:
        if frontend == "float" and own_tables is not None:
            condition += " && defined(__ARM_FP)"
        fixed = frontend_tables(info.frontend, info.input, "fixed") if info.frontend is not None else None
        plain_files = generate(PORTABLE, fixed)
        # a kernel that another network needs elsewhere must be the same file there
        conditions: dict[str, str | None] = {}
        if prefix is not None:
            conditions = dict.fromkeys(load_kernel_set(kernels).sources, load_kernel_set(kernels).condition)
            conditions |= dict.fromkeys(load_kernel_set(PORTABLE).sources)
        naming = find_names([files, plain_files], prefix or "asc")
        files = merge_engines(files, plain_files, condition, conditions)
    else:
        naming = find_names([files], prefix or "asc")
    return Engine(
        info=info,
        files=files,
        plain_files=plain_files,
        condition=condition,
        kernels=kernels,
        example=emit_example(make_plan(model.graph, kernels, optimize), own_tables, info),
        server_macros=tuple(server_macros(model.graph)),
        core_name=target.core.name,
        core_title=target.core.title,
        compiler=target.core.toolchain.compiler,
        compiler_prefix=target.core.toolchain.prefix,
        core_flags=target.core.toolchain.cflags,
        naming=naming if prefix is not None else None,
    )


def project_files(engine: Engine, kind: str) -> tuple[Files, str]:
    """Return the files of a project by path, and how to use it."""
    spec = load_project_kind(kind)
    own = spec.engine_files(engine)
    place = f"{spec.engine_folder}/" if spec.engine_folder else ""
    sources = c_sources(own)
    values: dict[str, Any] = {
        "engine": engine,
        "info": engine.info,
        "name": engine.name,
        "kind": kind,
        "title": spec.title,
        "version": __version__,
        "sources": sources,
        "paths": [f"{place}{name}" for name in sources],
        "headers": [name for name in sorted(own) if name.endswith(".h")],
        "public_headers": public_headers(engine.files),
        **spec.values(engine),
    }
    files = {f"{place}{name}": data for name, data in own.items()}
    templates = _templates() / kind
    for path in sorted(templates.rglob(f"*{_SUFFIX}")):
        name = path.relative_to(templates).as_posix()
        text: str = _environment().get_template(f"{kind}/{name}").render(values)
        if text.strip():  # a template may be for some networks alone
            files[name.removesuffix(_SUFFIX).replace("NAME", engine.name)] = text.encode()
    hint = _environment().get_template(f"hints/{kind}{_SUFFIX}").render(values)
    if engine.naming is not None:
        files, hint = engine.naming.rename_files(files), engine.naming.rename_text(hint)
    return files, hint.rstrip("\n")


def _templates() -> Path:
    return Path(str(resources.files("asc_kit.firmware_gen"))) / "projects" / "templates"


@cache
def _environment() -> Any:
    import jinja2

    return make_environment(jinja2.FileSystemLoader(_templates()), {"json": json.dumps})
