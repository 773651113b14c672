"""The site of the documents: it is built strictly, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from benchmarks.serving import ROOT


class Fetched(HTMLParser):
    """Gathers what a browser fetches by itself when it shows a page; links are for people."""

    def __init__(self):
        super().__init__()
        self.addresses = set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        is_for_search_engines = attributes.get("rel") in ("canonical", "next", "prev")
        if tag != "a" and not is_for_search_engines:
            self.addresses |= {attributes[name] for name in ("src", "href", "srcset") if attributes.get(name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # So that it says nothing but of this site.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_each_document_is_a_page_of_it(site):
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix("")
        folder = page.parent if page.name in ("README", "index") else page
        assert (site / folder / "index.html").is_file(), path


def test_it_fetches_nothing_from_elsewhere(site):
    fetched = Fetched()
    for page in site.rglob("*.html"):
        fetched.feed(page.read_text())
    assert {".css", ".js", ".png"} <= {Path(address).suffix for address in fetched.addresses}
    assert {address for address in fetched.addresses if address.startswith(("http", "//"))} == set()
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\W?(https?:)?//", sheet.read_text()), sheet


def test_what_language_models_are_given_is_there(site):
    links = re.findall(r"\]\(([^)]*)\)", (site / "llms.txt").read_text())
    assert len(links) > 20
    for link in links:
        assert (site / link).read_text() == (ROOT / "docs" / link).read_text()


def test_no_code_is_published_as_a_page(site):
    assert not list(site.rglob("*.py"))
