"""What most tests of training train on."""

from pathlib import Path

import pytest
import small_settings
from exported_tones import write_export
from shared import made_once, shared_folder
from tone_data import write_recipe, write_tone_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tone_data(tmp_path_factory.mktemp("data") / "tones")


@pytest.fixture(scope="module")
def recipe_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, a run and a bundle; nobody changes them."""
    return made_once(shared_folder(tmp_path_factory), "export", write_export)


@pytest.fixture(scope="session", autouse=True)
def place_of_small_networks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the processes of a test run share the recipes' small networks."""
    small_settings.shared_folder = shared_folder(tmp_path_factory)
