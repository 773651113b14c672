"""Runs the Python that stands in documents, compares it with what is said to come out, and loads their scripts."""

import ast
import importlib.util
import re
import sys
from functools import cache

from benchmarks.serving import ROOT

__all__ = ["document_script", "python_blocks", "run_block"]

_RESULT = re.compile(r"# → (.*)$")


def python_blocks(text):
    """Return what is marked as Python; ``py`` marks the code of others, which is not run."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_block(code, names):
    """Run a block; an expression must give what is said behind its arrow, as a console prints it.

    Args:
        code: The block.
        names: What was named before; what the block names is added.
    """
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        said = _RESULT.search(lines[statement.end_lineno - 1])
        if isinstance(statement, ast.Expr):
            result = eval(compile(ast.Expression(statement.value), "document", "eval"), names)
            assert said is None or repr(result) == said[1], f"{ast.unparse(statement)} gives {result!r}"
        else:
            assert said is None, "an arrow stands behind what gives nothing"
            exec(compile(ast.Module([statement], []), "document", "exec"), names)


@cache
def document_script(name):
    """Return a script of ``docs/`` as a module, such as ``"gallery"``."""
    specification = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    # Scripts import each other.
    path, sys.path[:] = list(sys.path), [str(ROOT / "docs"), *sys.path]
    # Dataclasses ask for the module of their annotations.
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    sys.path[:] = path
    return module
