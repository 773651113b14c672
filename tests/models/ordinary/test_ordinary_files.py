"""Every ordinary file opens, in Python and in a workspace, and answers what Keras itself answered."""

import io
import re
from collections import Counter

import keras
import numpy as np
import pytest

import core
from core import errors
from core.workspace.workspace import Workspace
from tests.support.model_files.architectures import ARCHITECTURE_FILES, HDF5_FILES
from tests.support.model_files.archives import ARCHIVE_FILES
from tests.support.model_files.builders import quiet
from tests.support.model_files.compiled import COMPILED_FILES
from tests.support.model_files.foreign_files import FOREIGN_FILES
from tests.support.model_files.keras2_files import KERAS_2_FILES
from tests.support.model_files.opening import alike, drop, give_inputs, load, recorded_names, same_output
from tests.support.model_files.parts_of_models import PARTS_OF_MODELS
from tests.support.model_files.saved_models import SAVED_MODEL_FILES
from tests.support.model_files.separate_files import MISMATCHED_FILES, SEPARATE_FILES

ORDINARY_FILES = [
    *COMPILED_FILES,
    *ARCHITECTURE_FILES,
    *HDF5_FILES,
    *KERAS_2_FILES,
    *SAVED_MODEL_FILES,
    *ARCHIVE_FILES,
    *SEPARATE_FILES,
]
REFUSED_FILES = [*PARTS_OF_MODELS, *FOREIGN_FILES, *MISMATCHED_FILES]
SEVERAL = [case for case in ORDINARY_FILES if case.choices]


def by_name(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@by_name(ORDINARY_FILES)
def test_a_file_answers_in_python_as_keras_does(case, files_of):
    files = files_of(case)
    with quiet():
        activations = core.extract(load(files), files.inputs)
    same_output(activations.output, files)
    assert set(files.layer_names) <= recorded_names(activations)


@by_name(ORDINARY_FILES)
def test_a_visitor_opens_a_file(case, files_of):
    files, workspace = files_of(case), Workspace()
    outputs = keras.tree.flatten(files.output)
    drop(files, workspace, member=files.member)
    with quiet():
        workspace.take_noise(len(outputs[0]), 0)
        assert workspace.layers(0)
        give_inputs(workspace, files.inputs)
        workspace.answer(0)
        assert set(files.layer_names) <= recorded_names(row.key for row in workspace.layers(0))
        with np.load(io.BytesIO(workspace.activations_file())) as layers:
            answers = [layers[key] for key in layers.files]
    for expected in outputs:
        assert any(alike(answer, expected, files.tolerance) for answer in answers)


@by_name(SEVERAL)
def test_several_models_are_listed_to_choose_from(case, files_of):
    files = files_of(case)
    with pytest.raises(errors.SeveralModels) as listed:
        core.load_model(files.paths[0])
    assert listed.value.choices == case.choices
    assert files.paths[0].name in listed.value.message
    with pytest.raises(errors.SeveralModels) as dropped:
        drop(files, Workspace())
    assert dropped.value.choices == case.choices


@by_name(REFUSED_FILES)
def test_what_is_no_model_is_said_in_a_sentence(case, files_of):
    files = files_of(case)
    with pytest.raises(errors.ModelRefused) as refusal:
        drop(files, Workspace())
    explains(refusal.value, case, files)


@by_name([case for case in REFUSED_FILES if "together" not in case.name])
def test_what_is_no_model_is_said_in_python_too(case, files_of):
    files = files_of(case)
    with pytest.raises(errors.ModelRefused) as refusal:
        load(files)
    explains(refusal.value, case, files)


def explains(error, case, files):
    assert not isinstance(error, errors.SeveralModels)
    assert re.search(case.says, error.message), error.message
    # The remedy, and the lines of Python that carry it out.
    advice = str(error).removeprefix(error.message)
    assert re.search(case.remedy, advice), advice
    assert any(path.name in error.message for path in files.paths), error.message
    assert len(str(error)) < 900


def test_the_corpus_is_large_and_its_names_are_unique():
    cases = [*ORDINARY_FILES, *REFUSED_FILES]
    assert len(ORDINARY_FILES) >= 60
    assert not [name for name, count in Counter(case.name for case in cases).items() if count > 1]
