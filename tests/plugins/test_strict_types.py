"""A new package, and each file of the cookbook, is typed as strictly as type checkers ask."""

import os
import subprocess
import sys

from benchmarks.serving import ROOT
from core.plugins.package import new_package

SETTINGS = f"""
[mypy]
strict = True
# What an installed package says of itself is not told: only what is given here is.
follow_imports = silent
cache_dir = {ROOT / ".mypy_cache" / "strict"}

# Without types of their own.
[mypy-keras.*,sklearn.*]
ignore_missing_imports = True

[mypy-prototypes]
disallow_subclassing_any = False
"""


def strictly_checked(folder, *files):
    (folder / "mypy.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *map(str, files)]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def test_a_new_package_and_the_cookbook_pass_mypy_strictly(tmp_path):
    package = new_package("unit-path", tmp_path)
    cookbook = sorted((ROOT / "examples" / "plugins").glob("*.py"))

    said = strictly_checked(tmp_path, package / "layerscope_unit_path.py", package / "tests", *cookbook)

    assert said == "Success: no issues found in 12 source files\n", said


def test_a_slip_of_an_author_is_noticed(tmp_path):
    """Else all that comes from here would be Any."""
    slip = tmp_path / "slip.py"
    slip.write_text("from vizplugins import Activation, Refusal\n\n\ndef drawn(activation: Activation) -> Refusal:\n")
    with slip.open("a") as file:
        file.write("    return Refusal(activation.extent(3))\n")

    said = strictly_checked(tmp_path, slip)

    assert 'Argument 1 to "Refusal" has incompatible type "int"; expected "str"' in said
    assert 'Argument 1 to "extent" of "Activation" has incompatible type "int"; expected "str"' in said
