"""What the house rules say about who may know whom, checked on the code."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"core", "layerscope", "ui", "vizplugins"}
WINGS = (
    *("errors", "common", "examples", "inputs", "models", "extraction", "analysis", "training", "charts"),
    *("plugins", "vizplugins", "notebook", "workspace", "report", "cli", "ui", "layerscope"),
)
"""Each imports only what stands before it: the way of the data, from left to right."""
FACES = {"core/charts", "core/analysis/attribution", "core/plugins/testing"}
"""Folders whose ``__init__.py`` hands on names: those that plugin authors import as one thing."""
MOST_LINES = 400


def sources(*folders):
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert found
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


@cache
def imported(path):
    """Return every module that a file imports, inside functions and for type checkers too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@cache
def known_to(path):
    """Return every module of ours that a file imports in any way, also by its name as a text."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    calls = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "import_module"]
    texts = {text.value for call in calls for text in call.args if isinstance(text, ast.Constant)}
    return (imported(path) | texts) & set(modules())


@cache
def modules():
    """Return the files of the project by the name that they are imported under."""
    files = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in files}
    return {".".join(name[:-1] if name[-1] == "__init__" else name): path for path, name in parts.items()}


def wing(module):
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] if top == "core" else top


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


@pytest.mark.parametrize("path", sources(*sorted(OURS)))
def test_a_file_imports_only_from_wings_to_its_left(path):
    ours = modules()
    own = next(wing(name) for name, file in ours.items() if file == path)
    if path.parent == ROOT / "core" and own not in WINGS:
        # The face, which hands on names of all wings, and what starts the command.
        assert path.name in ("__init__.py", "__main__.py")
        return
    neighbours = {wing(name) for name in known_to(path)} - {own, ""}

    assert {name for name in neighbours if WINGS.index(name) > WINGS.index(own)} == set()
    # The face is for those outside.
    assert own in ("layerscope", "ui") or not {"core"} & imported_whole(path)


def imported_whole(path):
    """Return the modules that a file imports as such, not names from them."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import)]
    return {alias.name for node in nodes for alias in node.names}


@pytest.mark.parametrize("folder", sorted({str(path.parent.relative_to(ROOT)) for path in modules().values()}))
def test_there_is_no_circle_among_the_files_and_folders_of_a_folder(folder):
    ours = modules()
    place = {name: path.relative_to(ROOT / folder).parts[0] for name, path in ours.items() if inside(path, folder)}
    graph = {}
    for name, entry in place.items():
        # A folder's face imports its rooms; who imports one of them does not mean the face.
        if entry != "__init__.py":
            targets = {place[target] for target in known_to(ours[name]) & set(place)}
            graph.setdefault(entry, set()).update(targets - {entry, "__init__.py"})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def inside(path, folder):
    return (ROOT / folder) in path.parents


@pytest.mark.parametrize("path", [each for each in sources("core") if each.values[0].name == "__init__.py"][1:])
def test_a_wing_begins_with_what_it_is(path):
    tree = ast.parse(path.read_text())
    assert len((ast.get_docstring(tree) or "").splitlines()) in range(1, 11)
    assert len(tree.body) == 1 or str(path.parent.relative_to(ROOT)) in FACES


@pytest.mark.parametrize("path", sources("core", "vizplugins"))
def test_the_engine_knows_nothing_of_the_page(path):
    assert not packages(path) & {"layerscope", "streamlit", "ui"}


@pytest.mark.parametrize(
    "path", [each for each in sources("vizplugins") if each.values[0].name not in ("__init__.py", "testing.py")]
)
def test_a_built_in_uses_what_a_stranger_could_use(path):
    ours = {name for name in imported(path) if name.partition(".")[0] in OURS}
    allowed = {"vizplugins", *(f"vizplugins.{name}" for name in __import__("vizplugins").__all__)}

    assert ours <= allowed


@pytest.mark.parametrize("path", sources("ui"))
def test_the_page_runs_no_model_itself(path):
    assert not packages(path) & {"tensorflow", "keras"}


AT_IMPORT = ("core/examples/", "core/training/record.py")
"""What is run to make the examples; and a class that is one of Keras' own, imported by whoever names it."""


@pytest.mark.parametrize("path", [each for each in sources("core", "vizplugins") if not each.id.startswith(AT_IMPORT)])
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
