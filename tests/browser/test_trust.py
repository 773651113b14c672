"""Models with code of their owner's in the page: offered where the visitor may, and nowhere else."""

import os
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT
from tests.browser.conftest import served, visitors, warm_up
from tests.models.trusted.saving import install_package, save_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with own_layers.py, own_parts.py, and trained models that use them."""
    return save_project(tmp_path_factory.mktemp("project"))


def give(explorer, path):
    explorer.open()
    explorer.give_model(path.name, path.read_bytes())


def open_path(explorer, path):
    explorer.page.goto(f"{explorer.app.url}/?{urlencode({'path': str(path)})}")


def is_open(explorer, name):
    expect(explorer.page.get_by_role("heading", name=name)).to_be_visible()
    explorer.settle()
    explorer.painted()


def test_the_file_that_holds_the_class_is_asked_for_and_opens_the_model(visitor, project):
    explorer = visitor()
    give(explorer, project / "unregistered.keras")
    expect(explorer.sidebar.get_by_text("The Tripled layer 'tripled' in unregistered.keras")).to_be_visible()
    field = explorer.page.locator('[class*="st-key-trust-model-upload"] input[type=file]')
    field.set_input_files(project / "own_layers.py")
    # What it imports from beside it is missing.
    expect(explorer.sidebar.get_by_text("No module named 'own_parts'")).to_be_visible()
    explorer.settle()
    field.set_input_files([project / "own_parts.py"])

    is_open(explorer, "unregistered.keras")
    expect(explorer.sidebar.get_by_text("Runs what you trust: Tripled of own_layers")).to_be_visible()
    assert explorer.layer_names() == ["tripled", "head"]

    # Another model of the same project opens without asking; trust ends with the visit.
    explorer.give_model("nested.keras", (project / "nested.keras").read_bytes())
    is_open(explorer, "nested.keras")
    explorer.open()
    explorer.give_model("nested.keras", (project / "nested.keras").read_bytes())
    expect(explorer.sidebar.get_by_text("a class that did not come with Keras")).to_be_visible()


def test_code_in_the_file_is_offered_to_be_run(visitor, project):
    explorer = visitor(color_scheme="dark")
    give(explorer, project / "lambda.keras")
    expect(explorer.sidebar.get_by_text("brings code of its own in the layer “positive”")).to_be_visible()
    # What was open stays open.
    expect(explorer.page.get_by_role("heading", name="digits-cnn")).to_be_visible()
    explorer.sidebar.get_by_role("button", name="Run it in a process without network and files").click()
    is_open(explorer, "lambda.keras")
    expect(explorer.sidebar.get_by_text("Runs what you trust: code of its own")).to_be_visible()

    # It was this file that was trusted, and no other.
    explorer.give_model("both.keras", (project / "both.keras").read_bytes())
    expect(explorer.sidebar.get_by_text("brings code of its own in the layer “decay”")).to_be_visible()


def test_the_file_beside_a_path_is_offered(visitor, project):
    explorer = visitor()
    open_path(explorer, project / "registered.keras")
    # The class says nothing of where it is from, if it was registered in the script that was run.
    expect(explorer.sidebar.get_by_text("It uses Mixed of own_layers.py, which is here.")).to_be_visible()
    explorer.sidebar.get_by_role("button", name="Open with own_layers.py").click()
    is_open(explorer, "registered.keras")


@pytest.mark.parametrize(
    "options",
    [{"extra_http_headers": {"X-Forwarded-For": "192.0.2.1"}}, {"base": "layerscope.localhost"}],
    ids=["through a proxy", "by another name"],
)
def test_who_does_not_sit_at_the_machine_is_offered_nothing(visitor, project, options):
    base = options.pop("base", "")
    explorer = visitor(**options)
    if base:
        explorer.app = type(explorer.app)(explorer.app.url.replace("127.0.0.1", base), explorer.app.log)
    give(explorer, project / "both.keras")
    expect(explorer.sidebar.get_by_text("Nobody can allow it from the page here.")).to_be_visible()
    expect(explorer.sidebar.get_by_text("--trust own_layers --trust lambda")).to_be_visible()
    expect(explorer.model_panel().get_by_text("or a path on this machine")).to_have_count(0)
    explorer.close_panels()
    expect(explorer.sidebar.get_by_role("button", name="Open with")).to_have_count(0)
    expect(explorer.sidebar.get_by_role("button", name="Run it")).to_have_count(0)
    expect(explorer.page.locator('[class*="st-key-trust-model-upload"]')).to_have_count(0)

    open_path(explorer, project / "lambda.keras")
    explorer.settle()
    expect(explorer.page.get_by_role("heading", name="lambda.keras")).to_have_count(0)


def test_a_package_that_is_installed_is_offered_by_its_name(chromium, tmp_path_factory):
    site = install_package(tmp_path_factory.mktemp("package"))
    path = os.pathsep.join([str(ROOT), str(site)])
    with (
        served(tmp_path_factory.mktemp("server"), PYTHONPATH=path) as app,
        visitors(warm_up(app, chromium), chromium) as enter,
    ):
        explorer = enter()
        give(explorer, site.parent / "packaged.keras")
        expect(explorer.sidebar.get_by_text("It uses Gate of the package own_package, which is here.")).to_be_visible()
        explorer.sidebar.get_by_role("button", name="Open with own_package").click()
        is_open(explorer, "packaged.keras")
        expect(explorer.sidebar.get_by_text("Runs what you trust: Gate of own_package")).to_be_visible()
