"""The cookbook: its blocks run in turn, and what stands behind an arrow is what comes out."""

import ast
import re

import pytest

from benchmarks.serving import ROOT

PAGE = (ROOT / "docs" / "cookbook.md").read_text()
PARTS = re.split(r"^##+ ", PAGE, flags=re.MULTILINE)
RECIPES = [part for part in PARTS if part.partition("\n")[0].endswith("?")]
_RESULT = re.compile(r"# → (.*)$")


def blocks(part):
    return re.findall(r"```python\n(.*?)```", part, re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the page has named so far; its files are written into a folder that is empty at first."""
    known = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("cookbook"))
        run(blocks(PARTS[0])[0], known)
        yield known


def run(code, names):
    """Run a block, and compare what an expression gives with what is said behind it."""
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        said = _RESULT.search(lines[statement.end_lineno - 1])
        if isinstance(statement, ast.Expr):
            result = eval(compile(ast.Expression(statement.value), "cookbook.md", "eval"), names)
            assert said is None or repr(result) == said[1], ast.unparse(statement)
        else:
            assert said is None, "an arrow stands behind what gives nothing"
            exec(compile(ast.Module([statement], []), "cookbook.md", "exec"), names)


def test_it_has_twenty_questions_and_every_block_is_tried_here():
    assert len(RECIPES) == 20
    assert len(blocks(PAGE)) == 1 + len(RECIPES) == 1 + sum(len(blocks(recipe)) for recipe in RECIPES)


# In one test, as each goes on from what the ones before it named.
def test_each_answers_as_it_says(names):
    for recipe in RECIPES:
        for code in blocks(recipe):
            run(code, names)


def test_an_arrow_that_is_wrong_is_noticed():
    with pytest.raises(AssertionError, match="1 \\+ 1"):
        run("1 + 1  # → 3", {})
