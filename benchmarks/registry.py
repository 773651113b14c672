"""What it costs to discover 50 installed plugins, beyond their own imports.

``python -m benchmarks.registry``. Each round is a new process with 50 distributions on its path, a module and an entry
point each; the modules are imported once by hand, and once by the registry.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.serving import ROOT

PLUGINS: Final = 50
ROUNDS: Final = 7
GOAL_SECONDS: Final = 0.1

_MODULE: Final = '''
import altair as alt
from vizplugins import Handles, Options, UnitIndex, Visualizer, hookimpl

class ThisOptions(Options):
    unit: UnitIndex = 0

class This(Visualizer):
    """A dot."""
    name = "plugin-{number}"
    title = "Plugin {number}"
    handles = Handles(axes=("sample", "unit"))
    Options = ThisOptions
    how_to_read = "It is a dot."
    limitations = "It is only a dot."

    def chart(self, activation, options):
        return alt.Chart(alt.Data(values=[{{"a": options.unit}}])).mark_point().encode(x="a:Q")

@hookimpl
def visualizers():
    return [This()]
'''
_MEASURE: Final = """
import importlib, json, sys, time
from core.plugins.registry import Registry
import vizplugins
for name in vizplugins.__all__: getattr(vizplugins, name)
Registry()  # what ships with Layerscope, its own imports included

def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

without = min(seconds(Registry) for _ in range(5))
sys.path.insert(0, sys.argv[1])
names = [f"benchmarked_{number}" for number in range(int(sys.argv[2]))]
imports = seconds(lambda: [importlib.import_module(name) for name in names])
for name in names: del sys.modules[name]
registries = []
with_plugins = seconds(lambda: registries.append(Registry()))
assert sum(each.source == "package" for each in registries[0].plugins) >= len(names)
assert not registries[0].problems
print(json.dumps([without, imports, with_plugins, "tensorflow" in sys.modules]))
"""


def main() -> None:
    """Measure and print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PLUGINS):
            _install(Path(folder), number)
        for _ in range(ROUNDS):
            command = [sys.executable, "-c", _MEASURE, folder, str(PLUGINS)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
    beyond = [with_plugins - without - imports for without, imports, with_plugins, _ in rows]
    print(f"| {PLUGINS} plugins | median (s) | fastest (s) | slowest (s) | goal |")
    print("|---|---|---|---|---|")
    for what, seconds, goal in (
        ("their own imports", [row[1] for row in rows], ""),
        ("discovering them, beyond that", beyond, f"{GOAL_SECONDS}"),
        ("what ships with Layerscope, imported already", [row[0] for row in rows], ""),
    ):
        print(f"| {what} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {max(seconds):.3f} | {goal} |")
    print(f"\nTensorFlow was imported: {any(row[3] for row in rows)}")


def _install(folder: Path, number: int) -> None:
    module = f"benchmarked_{number}"
    (folder / f"{module}.py").write_text(_MODULE.format(number=number))
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[layerscope]\n{module} = {module}\n")


if __name__ == "__main__":
    main()
