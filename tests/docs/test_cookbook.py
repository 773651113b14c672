"""The cookbook and the page for who comes from elsewhere: blocks run in turn, and give what stands behind an arrow."""

import re

import pytest

from benchmarks.serving import ROOT
from tests.support.documents import python_blocks, run_block

PAGE = (ROOT / "docs" / "cookbook.md").read_text()
PARTS = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
RECIPES = [part for part in PARTS if part.partition("\n")[0].endswith("?")]


def test_it_has_twenty_questions_each_with_its_block():
    assert len(RECIPES) == 20
    assert all(len(python_blocks(recipe)) in (1, 2) for recipe in RECIPES)


# Each goes on from what the blocks before it named.
@pytest.mark.parametrize("page", ["cookbook.md", "migration.md"])
def test_its_blocks_give_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks((ROOT / "docs" / page).read_text())
    assert len(blocks) > 5
    names = {}
    for code in blocks:
        run_block(code, names)


def test_an_arrow_that_is_wrong_is_noticed():
    with pytest.raises(AssertionError, match="1 \\+ 1 gives 2"):
        run_block("1 + 1  # → 3", {})
