"""Two engines of one network in one flat folder: the preprocessor takes the faster one where the core can run it.

Most build systems compile all files of a folder with the same flags, for whichever core the user's project is. So no
build file chooses between engines: every file says itself for which core its contents are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ..write.sources import Files

_INCLUDE = re.compile(r'^#include "(\w+\.h)"\n', re.MULTILINE)
# C wants one declaration in every file, and stays quiet about a type that nothing uses
_EMPTY = "typedef int asc_not_for_this_core_t;\n"
# without this, Linux takes assembler that says nothing for a program with an executable stack
_NO_STACK_CODE = """#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
"""


def merge_engines(
    fast: Files, plain: Files, condition: str, conditions: Mapping[str, str | None] | None = None
) -> Files:
    """Return the files of both engines by name.

    Files that are the same in both are for every core. One that both have with other contents holds both.

    Parameters
    ----------
    fast, plain
        The engines, by file name.
    condition
        Preprocessor expression: whether the core can run the faster one.
    conditions
        The expression of files that must not depend on which of the two engines has them; None: for every core.
    """
    conditions = conditions or {}
    merged: Files = {}
    for name in sorted({*fast, *plain}):
        alone = fast[name] if name in fast else plain[name]
        if fast.get(name) == plain.get(name) or (name in conditions and conditions[name] is None):
            merged[name] = alone
        elif name in conditions:
            merged[name] = choose(name, str(conditions[name]), alone.decode(), "").encode()
        else:
            first, second = (files.get(name, b"").decode() for files in (fast, plain))
            merged[name] = choose(name, condition, first, second).encode()
    return merged


def choose(name: str, condition: str, first: str, second: str) -> str:
    """Return the text of a file that is one thing where a condition holds, and another thing elsewhere."""
    if name.endswith(".c"):
        first, second = first or _EMPTY, second or _EMPTY
    if not first:
        condition, first, second = f"!({condition})", second, ""
    end = f"#endif /* {condition} */\n" + (_NO_STACK_CODE if name.endswith(".S") else "")
    return f"#if {condition}\n{first}{end}" if not second else f"#if {condition}\n{first}#else\n{second}{end}"


def public_headers(files: Files) -> tuple[str, ...]:
    """Return the names of ``asc_model.h`` and of the headers that it includes, each after those that it needs."""
    return tuple(_with_includes("asc_model.h", files, []))


def join_sources(files: Files) -> tuple[str, str]:
    """Return the C of an engine as one header and one C file, ``asc_model.h`` and ``asc_model.c``."""
    public = public_headers(files)
    private: list[str] = []
    for name in sorted(files):
        if name.endswith(".c"):
            private += [header for header in _with_includes(name, files, []) if header not in (*public, *private)]
    headers = [header for header in private if header.endswith(".h")]
    sources = sorted(name for name in files if name.endswith(".c"))
    header_text = "\n".join(_without_includes(name, files) for name in public)
    source_text = "\n".join(
        ['#include "asc_model.h"\n', *(_without_includes(name, files) for name in (*headers, *sources))]
    )
    return header_text, source_text


def assembler_files(files: Files) -> Files:
    """Return an engine's assembler, and the headers that it includes."""
    names = {name for source in files if source.endswith(".S") for name in _with_includes(source, files, [])}
    return {name: files[name] for name in sorted(names)}


def _with_includes(name: str, files: Files, known: list[str]) -> list[str]:
    """Return a file after all headers that it includes, without those known."""
    for header in _INCLUDE.findall(files[name].decode()):
        if header not in known:
            known = _with_includes(header, files, known)
    return [*known, name]


def _without_includes(name: str, files: Files) -> str:
    return f"/* {Path(name).name} */\n" + _INCLUDE.sub("", files[name].decode())
