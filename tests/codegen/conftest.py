from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import engine_cases
import pytest


@pytest.fixture(scope="session")
def sanitizing_compiler() -> Sequence[str]:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    return ["gcc", "-O1", *engine_cases.SANITIZE]


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory, sanitizing_compiler: Sequence[str]) -> list[Path]:
    """Object files of the whole runtime, with sanitizers."""
    folder = tmp_path_factory.mktemp("kernels")
    return engine_cases.compile_objects(sanitizing_compiler, engine_cases.runtime_sources(), folder, folder)
