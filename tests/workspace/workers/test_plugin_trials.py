"""A plugin that ends its process, or never comes back: it alone is left out, and the app is there for everybody."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import WorkerLost
from core.plugins.plugin import Origin
from core.plugins.sources import identity_of
from core.workspace.workers.plugin_trials import fatal_plugins

ROOT = Path(__file__).parents[3]
FATAL = {
    "ends": "import os\nos._exit(3)",
    "ends_when_a_model_is_run": (
        "import os\nfrom vizplugins import hookimpl\n\n@hookimpl\ndef activations_published(activations):\n"
        "    os.kill(os.getpid(), 11)"
    ),
}
SOUND = """
import altair as alt
from vizplugins import Handles, Visualizer, hookimpl

class Sound(Visualizer):
    \"\"\"Is a dot.\"\"\"

    name, title = "sound", "Sound"
    handles = Handles(layer_types=("Layer",))

    def chart(self, activation, options):
        return alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")

@hookimpl
def visualizers():
    return [Sound()]
"""
VISIT = """
import json, sys
from core.workspace.workers.pool import WorkerPool
from core.workspace.workers.remote import RemoteWorkspace

if __name__ == "__main__":
    pool = WorkerPool()
    pool.start_spare()
    visitor = RemoteWorkspace(pool)
    visitor.open_example("digits-cnn")
    failed = {each.name: each.failures[0] for each in visitor.plugins() if each.failures}
    told = {
        "failed": {name: [failure.message, failure.traceback] for name, failure in failed.items()},
        "drawn": visitor.chart("dense", "sound", {}, 0).failure is None,
        "best": bool(visitor.answer(0).best),
    }
    pool.close()
    print(json.dumps(told))
"""


def test_those_that_no_process_survives_are_left_out_and_the_others_draw(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    for name, code in {**FATAL, "sound": SOUND}.items():
        (plugins / f"{name}.py").write_text(code)
    script = tmp_path / "visit.py"
    script.write_text(VISIT)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LAYERSCOPE_PLUGINS": str(plugins),
        "LAYERSCOPE_IMPORT_SECONDS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sorted(told["failed"]) == sorted(f"{name}.py" for name in FATAL)
    for name, (words, traceback) in told["failed"].items():
        said = "no process works that it is loaded in, so it is left out; save it again once it is mended"
        assert words == f"{name}: {said} ({name})"
        assert ("status 3" if name == "ends.py" else "SIGSEGV") in traceback
    assert told["drawn"]
    assert told["best"]


class TestSearch:
    @pytest.fixture
    def plugins(self):
        return [Origin(f"plugin {number}", "package", f"package-{number}") for number in range(9)]

    def search(self, plugins, fatal, words=""):
        """Return what is found where processes end in which one of the fatal plugins is loaded, and in how many."""
        trials = []

        def try_without(left_out):
            trials.append(left_out)
            if any(identity_of(each) not in left_out for each in fatal):
                raise WorkerLost("It ended.", remedy=words)

        return set(fatal_plugins(plugins, try_without)), len(trials)

    @pytest.mark.parametrize("positions", [(), (0,), (4,), (8,), (0, 8), (2, 3, 7), tuple(range(9))])
    def test_all_of_them_are_found_and_no_other(self, plugins, positions):
        fatal = [plugins[position] for position in positions]

        assert self.search(plugins, fatal)[0] == set(map(identity_of, fatal))

    def test_who_is_named_by_what_the_process_said_last_is_tried_first(self, plugins):
        unnamed, named = (self.search(plugins, [plugins[6]], words)[1] for words in ("", "in package 6: plugin 6"))

        assert named < unnamed

    def test_where_none_is_at_fault_none_is_left_out(self, plugins):
        def try_without(_):
            raise WorkerLost("It ended.")

        assert fatal_plugins(plugins, try_without) == {}
        assert fatal_plugins([], try_without) == {}
