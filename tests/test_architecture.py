"""What the house rules say about who may know whom, checked on the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"core", "layerscope", "ui", "vizplugins"}
MOST_LINES = 400


def sources(*folders):
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert found
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


def imported(path):
    """Return every module that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def packages(path):
    return {name.partition(".")[0] for name in imported(path)}


def at_import(path):
    """Return the packages that are imported as soon as the file is."""
    tree = ast.parse(path.read_text())
    return {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }


@pytest.mark.parametrize("path", sources("core", "vizplugins"))
def test_the_engine_knows_nothing_of_the_page(path):
    assert not packages(path) & {"layerscope", "streamlit", "ui"}


@pytest.mark.parametrize(
    "path", [each for each in sources("vizplugins") if each.values[0].parent.name == "vizplugins"][1:]
)
def test_a_built_in_uses_what_a_stranger_could_use(path):
    ours = {name for name in imported(path) if name.partition(".")[0] in OURS}
    allowed = {"vizplugins", *(f"vizplugins.{name}" for name in __import__("vizplugins").__all__)}

    assert ours <= allowed


@pytest.mark.parametrize("path", sources("ui"))
def test_the_page_runs_no_model_itself(path):
    assert not packages(path) & {"tensorflow", "keras"}


@pytest.mark.parametrize("path", [each for each in sources("core", "vizplugins") if "examples" not in each.id])
def test_tensorflow_is_imported_when_it_is_needed(path):
    assert not at_import(path) & {"tensorflow", "keras"}


@pytest.mark.parametrize("path", [*sources(*sorted(OURS)), pytest.param(ROOT / "streamlit_app.py")])
def test_a_room_is_no_larger_than_a_room(path):
    # Docstrings are for readers, and may take the room that they need.
    text = path.read_text()
    documented = [
        node.body[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    ]
    lines = len(text.splitlines()) - sum(each.end_lineno - each.lineno + 1 for each in documented)
    assert lines <= MOST_LINES


@pytest.mark.parametrize("path", sources(*sorted(OURS)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_error_a_person_can_meet_is_in_one_module():
    from core.errors import LayerscopeError

    for path in (ROOT / "core").rglob("*.py"):
        bases = {
            name.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef)
            for name in node.bases
            if isinstance(name, ast.Name)
        }
        if path.name != "errors.py":
            assert not bases & {LayerscopeError.__name__, "ModelRefused", "InputRejected", "PluginFailed"}, path
