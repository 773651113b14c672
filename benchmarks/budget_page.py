"""The app with a clock at its joints, which ``benchmarks.budget`` starts instead of ``streamlit_app.py``.

With the address ``?bare=chart`` the same server shows an empty page that draws the chart which the app drew last, and
nothing else: what Streamlit and Vega take for that alone.
"""

import functools
import json
import os
import time
from collections.abc import Callable
from typing import Any

import streamlit as st


def note(what: str) -> None:
    """Write down when something was, in seconds since 1970, as the browser's clock counts too."""
    with open(os.environ["BUDGET_FILE"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"what": what, "at": time.time()}) + "\n")


def noted(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """Return a function that notes when it begins and ends."""

    @functools.wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        note(f"{what} begins")
        returned = function(*arguments, **options)
        note(f"{what} ends")
        return returned

    return timed


@st.cache_resource(show_spinner=False)
def last_drawn() -> dict[str, Any]:
    """Return what holds the arguments of the last chart of the app; the first call puts a clock at each joint."""
    from core.workspace.workers.remote import RemoteWorkspace
    from ui import pictures

    drawn: dict[str, Any] = {}
    draw = noted(pictures.chart, "chart")

    def keeping(specification: Any, key: str, **options: Any) -> None:
        drawn.update(specification=specification, selections=options["selections"])
        draw(specification, key, **options)

    RemoteWorkspace.layer_view = noted(RemoteWorkspace.layer_view, "view")  # type: ignore[method-assign]
    pictures.chart = keeping
    return drawn


def bare() -> None:
    """Draw the last chart of the app after a click, and nothing else."""
    from ui.charts import chart

    turn = st.session_state.get("turn", 0)
    if st.button("Draw"):
        st.session_state["turn"] = turn = turn + 1
    if turn:
        drawn = last_drawn()
        note("chart begins")
        # Each time another one to Streamlit, as each layer's is.
        chart(drawn["specification"], f"chart-{turn}", selections=drawn["selections"], on_select=lambda: None)
        note("chart ends")


# A worker process looks into this file, as multiprocessing makes it do, and must not draw a page.
if __name__ == "__main__":
    note("run begins")
    if "bare" in st.query_params:
        st.set_page_config(layout="wide")
        bare()
    else:
        last_drawn()
        import streamlit_app

        streamlit_app.main()
    note("run ends")
