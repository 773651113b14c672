"""Plugins that are each broken in another way, and one that is not, as files of a folder."""

import textwrap
from pathlib import Path

_HEAD = """
    import time
    import altair as alt
    import numpy as np
    import pandas as pd
    from pydantic import Field
    from vizplugins import Handles, Options, Visualizer, hookimpl

    ALL = Handles(layer_types=("Layer",))
"""
_TAIL = """
    @hookimpl
    def visualizers():
        return [Broken()]
"""


def _visualizer(name: str, body: str) -> str:
    return f"""{_HEAD}
    class Broken(Visualizer):
        \"\"\"Is broken.\"\"\"

        name = "{name}"
        title = "{name}"
        handles = ALL
{textwrap.indent(textwrap.dedent(body), " " * 8)}
{_TAIL}"""


def _chart(name: str, body: str) -> str:
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * 4)
    return _visualizer(name, f"def chart(self, activation, options):\n{lines}")


# What is found when the plugin is loaded: the code, and words of its failure.
LOADING = {
    "import_error": (
        "import nowhere_to_be_found",
        "No module named 'nowhere_to_be_found'; install it where Layerscope runs, such as by "
        "`pip install nowhere-to-be-found`, and start the app again (import_error.py, line 1)",
    ),
    "system_exit": ("import sys\nsys.exit(3)", "SystemExit: 3 (system_exit.py, line 2)"),
    "syntax_error": ("def broken(:\n    pass", "SyntaxError: invalid syntax (syntax_error.py, line 1)"),
    "never_returns_at_import": (
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except Exception:\n        pass",
        "it took more than",
    ),
    "no_hook": ("import math", "it has no hook; put @hookimpl above a function visualizers() that"),
    "unmarked_hook": (
        "def visualizers():\n    return []",
        "visualizers() is not marked as a hook; put @hookimpl above a function visualizers() that",
    ),
    "wrong_hook": (
        "from vizplugins import hookimpl\n@hookimpl\ndef vizualizers():\n    return []",
        "there is no hook 'vizualizers'; did you mean 'visualizers'? The hooks are: visualizers, "
        "output_meanings, input_readers, model_loaders, panels, activations_published. (wrong_hook.py, line 2)",
    ),
    "wrong_signature": (
        "from vizplugins import hookimpl\n@hookimpl\ndef visualizers(layer):\n    return []",
        "the hook 'visualizers' asks for 'layer'. It is called without arguments. (wrong_signature.py, line 2)",
    ),
    "raising_hook": (
        "from vizplugins import hookimpl\n@hookimpl\ndef visualizers():\n    raise RuntimeError('no disk')",
        "RuntimeError: no disk (raising_hook.py, line 4)",
    ),
    "bad_handles": (
        "from vizplugins import Handles\n\nHandles(axes=('sample', 'chanel'))",
        "there is no axis 'chanel'; did you mean 'channel'? The axes are: sample, unit, time, frequency, height, "
        "width, depth, channel, head, query, key, step, axis1, axis2, … (bad_handles.py, line 3)",
    ),
    "empty_handles": (
        _visualizer("empty-handles", "handles = Handles()\ndef chart(self, activation, options): ..."),
        "does not say what it handles.",
    ),
    "bad_options": (
        _visualizer(
            "bad-options",
            "class Options(Options):\n    unit: int = Field(9, le=5)\n\ndef chart(self, activation, options): ...",
        ),
        "has defaults that its own Options refuse: unit: Input should be less than or equal to 5 (given 9)",
    ),
    "misspelt_attribute": (
        _visualizer("misspelt", "how_to_raed = 'Look.'\ndef chart(self, activation, options): ..."),
        "declares 'how_to_raed', which means nothing here; did you mean 'how_to_read'?",
    ),
    "wrong_chart": (
        _visualizer("wrong-chart", "def chart(self, activation): ..."),
        "has chart(self, activation); chart(self, activation, options) is needed",
    ),
    "too_new": (
        "layerscope_api = 99",
        "it was written for version 99 of the plugin API, this Layerscope serves 1 or 2",
    ),
    "replaces_at_import": (
        _visualizer("replaces-at-import", "def chart(self, activation, options): ...\n")
        + "    alt.Chart.mark_bar = lambda *_, **__: 1 / 0\n",
        "it replaced altair.Chart.mark_bar, which other pictures are drawn with, so that was put back: use a function "
        "or a class of its own in its place (replaces_at_import.py, line 23)",
    ),
    "name_taken": (
        _visualizer("histogram", "def chart(self, activation, options): ..."),
        "the name 'histogram' is taken by histogram of vizplugins; the first one stays",
    ),
}

# What is found when it draws: the code, and words of its failure.
DRAWING = {
    "raises": (_chart("raises", "return 1 / 0"), "ZeroDivisionError: division by zero"),
    "stops_at_a_breakpoint": (
        _chart("stops-at-a-breakpoint", "import bdb\nraise bdb.BdbQuit"),
        "BdbQuit; a breakpoint needs a terminal: start the app with --in-process",
    ),
    "exits": (_chart("exits", "raise SystemExit(1)"), "SystemExit: 1"),
    "returns_none": (_chart("returns-none", "return None"), "chart() returned NoneType, an Altair chart is needed"),
    "million_rows": (
        _chart(
            "million-rows",
            "frame = pd.DataFrame({'a': np.zeros(1_000_000)})\nreturn alt.Chart(frame).mark_point().encode(x='a')",
        ),
        "the chart has more than 50,000 rows of data",
    ),
    "too_many_bytes": (
        _chart(
            "too-many-bytes",
            "frame = pd.DataFrame({'a': ['x' * 9_000_000]})\nreturn alt.Chart(frame).mark_point().encode(x='a:N')",
        ),
        "the chart takes 9.0 MB, more than the 8 MB that a browser draws at once",
    ),
    "never_returns": (
        _chart("never-returns", "while True:\n    try:\n        time.sleep(60)\n    except Exception:\n        pass"),
        "seconds without saying how far it is",
    ),
    "changes_the_activation": (
        _chart("changes-the-activation", "activation.values[...] = 0"),
        "ValueError: assignment destination is read-only",
    ),
    "makes_it_writeable": (
        _chart("makes-it-writeable", "activation.values.flags.writeable = True\nactivation.values[...] = 0"),
        "ValueError: cannot set WRITEABLE flag to True",
    ),
    "changes_the_labels": (
        _chart("changes-the-labels", "activation.context.labels[0] = 5"),
        "ValueError: assignment destination is read-only",
    ),
    "invalid_chart": (
        _chart("invalid-chart", "return alt.Chart().mark_point().encode(x=alt.X('a:Q', bin='no'))"),
        "SchemaValidationError",
    ),
}
GOOD = _visualizer(
    "good",
    """
    how_to_read = "It is a dot."

    def chart(self, activation, options):
        return alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q").properties(title="A dot")
    """,
)


def write_plugins(folder: Path, *names: str) -> Path:
    """Write the broken plugins of these names, or all, and the good one."""
    for name, (code, _) in {**LOADING, **DRAWING}.items():
        if not names or name in names:
            (folder / f"{name}.py").write_text(textwrap.dedent(code))
    (folder / "good.py").write_text(textwrap.dedent(GOOD))
    return folder
