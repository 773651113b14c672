"""From nothing to a picture in the running app, as a stranger goes: a wheel, a fresh environment, a new package."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT, free_port, stop_server, wait_until_it_answers
from tests.browser.conftest import STARTING_SECONDS, App, visitors

pytestmark = pytest.mark.fresh_environment
PACKAGES = ("pluggy", "pydantic", "altair")


def test_a_new_package_is_installed_tested_and_found_in_the_running_app(fresh, chromium, tmp_path):
    assert re.search(r"5 passed", fresh.tests_of(fresh.folder / "layerscope-demo"))
    assert re.search(r"9 passed", fresh.tests_of(fresh.folder / "layerscope-power-spectrum"))
    listed = {each["name"]: each for each in json.loads(fresh.run(fresh.layerscope, "plugins", "list", "--json"))}
    assert listed["demo"]["status"] == listed["power-spectrum"]["status"] == "ready"
    assert (listed["demo"]["package"], listed["demo"]["version"]) == ("layerscope-demo", "0.1.0")
    guides = fresh.run(fresh.layerscope, "--help").strip().rpartition(": ")[2]
    assert guides.startswith(str(fresh.folder.resolve()))
    assert (ROOT / "docs" / "plugin-cookbook.md").read_text() == Path(guides, "plugin-cookbook.md").read_text()
    checked = fresh.run(fresh.layerscope, "plugins", "check", "layerscope-power-spectrum")
    assert "passed  power-spectrum: declaration" in checked

    port, log = free_port(), tmp_path / "log.txt"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [fresh.layerscope, "run", "--headless", "--port", str(port)], cwd=tmp_path, stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_until_it_answers(port, STARTING_SECONDS)
            with visitors(App(f"http://127.0.0.1:{port}", log, server.pid), chromium) as enter:
                author = enter()
                author.visit(example="vowels-lstm", layer="lstm_1", view="demo")
                expect(author.main.get_by_text("How to read it")).to_be_visible(timeout=STARTING_SECONDS * 1000)
                expect(author.chart).to_contain_text("Unit 0 of lstm_1")
                author.painted(colours=4)
                # Streamlit offers it unless the settings that came with the wheel are in force.
                expect(author.page.get_by_test_id("stAppDeployButton")).to_have_count(0)
                author.pick_view("Power spectrum")
                expect(author.chart).to_contain_text("Frequency (cycles per timestep)")
                author.page.get_by_role("link", name="Plugins").click()
                expect(author.main.get_by_text("demo · layerscope-demo 0.1.0")).to_be_visible()
        finally:
            stop_server(server)


def test_it_works_with_the_lowest_versions_that_are_asked_for(fresh):
    asked = (ROOT / "requirements.txt").read_text()
    lowest = {name: re.search(rf"^{name}>=([\d.]+)", asked, re.MULTILINE)[1] for name in PACKAGES}
    fresh.install(*(f"{name}=={version}" for name, version in lowest.items()))
    installed = fresh.run(fresh.python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check")
    versions = {each["name"]: each["version"] for each in json.loads(installed)}

    assert all(versions[name].startswith(version) for name, version in lowest.items())
    assert "5 passed" in fresh.tests_of(fresh.folder / "layerscope-demo")
    assert "9 passed" in fresh.tests_of(fresh.folder / "layerscope-power-spectrum")
    assert "failed" not in fresh.run(fresh.layerscope, "plugins", "list")
    assert "yes  Demo (demo)" in fresh.run(fresh.layerscope, "plugins", "explain", "vowels-lstm", "lstm_1")
