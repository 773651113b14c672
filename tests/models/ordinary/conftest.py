"""Each case of the corpus is made once, however many tests open it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.model_files.builders import Case, Failure, ModelFiles, quiet


@pytest.fixture(scope="session")
def files_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case | Failure], ModelFiles]:
    """Return a function that makes the files of a case, or finds them where they were made before."""
    before: dict[str, ModelFiles] = {}

    def make(case: Case | Failure) -> ModelFiles:
        if case.name not in before:
            folder: Path = tmp_path_factory.mktemp("files")
            with quiet():
                before[case.name] = case.build(folder)
        return before[case.name]

    return make


@pytest.fixture(autouse=True)
def names_are_closed():
    """Assert that a file leaves Keras as it was: what is named afterwards is not named after the file's layers."""
    yield
    import keras

    layer = keras.layers.Dense(1, name="after")
    layer.build((None, 1))
    path = layer.kernel.path
    if path != "after/kernel":
        keras.utils.clear_session()
    assert path == "after/kernel"
