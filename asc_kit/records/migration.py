"""Records of earlier versions: brought up to date in memory when they are read, a step per version.

A record class with a ``schema_version`` has two class variables beside it:

``MIGRATIONS``
    ``{n: step}``: `step` takes a document of version n as plain data and returns it as version n + 1 has it, all but
    the number itself. It may change what it is given. The file is not touched.
``REMAKE``
    The command that makes such a file anew, for versions that no step leads from.

A document without the key is of version 1 where the field has a default.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, get_args, get_type_hints

from asc_kit.errors import AscKitError
from asc_kit.text import shorten

VERSION = "schema_version"

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
Migrations: TypeAlias = Mapping[int, Step]

_RELEASE = re.compile(r"\d+(\.\w+){1,4}")


@functools.cache
def version_of(cls: type) -> int | None:
    """Return the schema version of a record class: the value of its Literal; None for a part of a record."""
    if not dataclasses.is_dataclass(cls) or all(field.name != VERSION for field in dataclasses.fields(cls)):
        return None
    (version,) = get_args(get_type_hints(cls)[VERSION])
    return int(version)


def migrate(cls: type, document: object, *, where: str, error: type[AscKitError]) -> object:
    """Return a document in the present version of `cls`; unversioned records return unchanged.

    A note on stderr reports an older document, once.

    Raises
    ------
    AscKitError
        Of class `error`: for a newer version, naming the version of asc-kit that reads it, and for a version without a
        step, naming the command that makes the file anew.
    """
    current = version_of(cls)
    if current is None or not isinstance(document, dict):
        return document
    received: Any = document.get(VERSION, 1 if _has_default(cls) else None)
    migrations: Migrations = getattr(cls, "MIGRATIONS", {})
    known = type(received) is int and (received == current or received in migrations)
    if not known:
        raise error(
            f"{where} has schema version {shorten(received)}, this asc-kit reads {_readable(current, migrations)}",
            hint=_way_out(cls, document, received, current),
        )
    version = int(received)
    while version < current:
        document = {**migrations[version](document), VERSION: version + 1}
        version += 1
    if received != current:
        from asc_kit.process.console import note

        note(f"{where} is of schema version {received} and is read as version {current}; the file stays as it is")
    return document


def _has_default(cls: type) -> bool:
    (field,) = (field for field in dataclasses.fields(cls) if field.name == VERSION)
    return field.default is not dataclasses.MISSING


def _readable(current: int, migrations: Migrations) -> str:
    return f"{min(migrations)} to {current}" if migrations else str(current)


def _way_out(cls: type, document: dict[str, Any], received: object, current: int) -> str:
    if type(received) is int and received > current:
        release = document.get("asc_kit")
        if isinstance(release, str) and len(release) < 40 and _RELEASE.fullmatch(release):
            return f"it was written by asc-kit {release}: install that version or a later one"
        return f"it needs a later asc-kit, one that reads schema version {received}"
    return f"make it anew with this version: {getattr(cls, 'REMAKE', 'write it by hand')}"
