"""Every link in what is read leads somewhere, and every document can be come to."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.serving import ROOT
from tests.support.documents import document_script

DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")


@cache
def prose(path):
    """Return a document without its code, in which brackets are no links."""
    text = re.sub(r"^( *)(```+|~~~+).*?^\1\2 *$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)


@cache
def anchors(path):
    """Return the anchors of a document's headings, as code hosts make them."""
    found = set()
    text = re.sub(r"^( *)(```+|~~~+).*?^\1\2 *$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (name := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(name)
    return found


def links(path):
    return [unquote(target) for target in _LINK.findall(prose(path))]


def target_of(path, link):
    file, _, anchor = link.partition("#")
    return (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https:", "mailto:")), link
            continue
        target, anchor = target_of(path, link)
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        # The site has nothing but the documents.
        assert not path.is_relative_to(DOCS) or target.is_relative_to(DOCS), link
        assert not anchor or anchor in anchors(target), link


def test_every_document_can_be_come_to_from_the_start():
    """Listed in the site's menu, or linked by a document that is come to."""
    site = document_script("llms")
    reached, waiting = set(), [DOCS / page for page in site.pages(site.menu())]
    assert DOCS / "README.md" in waiting
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            targets = [target_of(path, link)[0] for link in links(path) if ":" not in link]
            waiting += [target for target in targets if target.suffix == ".md"]
    assert set(DOCS.rglob("*.md")) - reached == set()


def test_a_heading_has_the_anchor_that_a_code_host_gives_it(tmp_path):
    path = Path(tmp_path / "page.md")
    path.write_text("# Which layers: `Handles`\n\n```\n# code\n```\n\n## It’s a [link](b.md)\n\n## It’s a link\n")
    assert anchors(path) == {"which-layers-handles", "its-a-link", "its-a-link-1"}
