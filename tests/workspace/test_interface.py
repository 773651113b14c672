"""What a page may ask is declared once, and whoever stands behind it answers just that."""

import inspect

import pytest

from core.workspace.interface import WorkspaceInterface, declared
from core.workspace.marks import Change, arguments_of, declaration_of, mark_of
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workspace import Workspace

DECLARED = sorted(name for name in vars(WorkspaceInterface) if not name.startswith("_"))
OF_ITS_OWN = {"stop", "forgive", "close", "telling", "is_live"}
"""What a page does about a worker, which only one of both has."""


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def test_nothing_is_public_that_is_not_declared():
    assert public(Workspace) == set(DECLARED)
    assert public(RemoteWorkspace) == set(DECLARED) | OF_ITS_OWN


@pytest.mark.parametrize("name", DECLARED)
def test_it_is_explained_where_it_is_declared_and_takes_the_same_arguments(name):
    function = declaration_of(declared(name))
    parameters = inspect.signature(function).parameters.values()
    answering = inspect.signature(declaration_of(getattr(Workspace, name))).parameters.values()

    assert inspect.getdoc(function)
    assert [(each.name, each.kind, each.default) for each in answering if each.name != "self"] == [
        (each.name, each.kind, each.default) for each in parameters if each.name != "self"
    ]


@pytest.mark.parametrize("name", [name for name in DECLARED if mark_of(declared(name)).stays])
def test_only_what_takes_no_arguments_stays_as_it_was_answered(name):
    parameters = inspect.signature(declaration_of(declared(name))).parameters

    assert arguments_of(declared(name), ()) == {}
    assert set(parameters) <= {"self", "progress"}


def test_what_changes_something_is_marked():
    changing = {name: mark_of(declared(name)).change for name in DECLARED if mark_of(declared(name)).change}
    beginnings = {
        "open_": Change.MODEL,
        "take_input_as": Change.INPUT_KIND,
        "take_": Change.SAMPLES,
        "compare_with_": Change.OTHER_MODEL,
        "set_class_names": Change.CLASS_NAMES,
        "set_label_role": Change.LABEL_ROLE,
        "set_variants": Change.VARIANTS,
        "go_to_step": Change.STEP,
        "set_second_run": Change.SECOND_RUN,
    }
    expected = {
        name: next(change for beginning, change in beginnings.items() if name.startswith(beginning))
        for name in DECLARED
        if name.startswith(tuple(beginnings))
    }

    assert changing == expected
