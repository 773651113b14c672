"""The plugins page: which there are, from where, how each fared, and what each of their visualizers draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import LayerscopeError
from core.plugins.sources import get_plugin_settings
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import InstalledVisualizer, PluginSummary
from core.workspace.thumbnails import THUMBNAIL_SIZE
from ui.pictures import failure
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_COLUMNS = 3
_COLOURS = {"ready": "green", "failed": "red", "not allowed": "gray"}


def page() -> None:
    """Draw the page."""
    workspace = get_session().workspace
    st.header("Plugins", anchor=False)
    try:
        with waiting(workspace, "Looking for plugins", "plugins"):
            plugins = workspace.plugins()
    except LayerscopeError as error:
        show_error(error, workspace, "plugins")
        return
    _ways_in()
    _failures(plugins)
    strangers = [each for each in plugins if each.source != "built-in"]
    if strangers:
        st.subheader(f"{len(strangers):,} added", anchor=False)
        _table(strangers)
        _notices(strangers)
        _gallery(workspace, strangers)
    ours = [each for each in plugins if each.source == "built-in"]
    st.subheader(f"{sum(len(each.visualizers) for each in ours):,} that ship with Layerscope", anchor=False)
    _gallery(workspace, ours)


def _ways_in() -> None:
    settings = get_plugin_settings()
    if not settings.enabled:
        st.info("Plugins are switched off on this server (--no-plugins).", icon=":material/extension_off:")
    elif settings.allowed is not None:
        names = ", ".join(sorted(settings.allowed)) or "none"
        st.caption(f"On this server these plugins are allowed: {plain(names)}.")
    elif settings.folders:
        watched = ", ".join(f"`{_short(folder)}`" for folder in settings.folders)
        st.caption(f"A file saved in {watched} is loaded within a second, without a restart.")
    else:
        st.caption(
            "Every picture of a layer is a plugin. To add one of yours, start the app with `-- --plugins DIR` and save "
            "a file there, or install a package with an entry point in the group `layerscope`."
        )


def _failures(plugins: Sequence[PluginSummary]) -> None:
    failed = [each for each in plugins if each.status == "failed"]
    if failed:
        st.subheader(f":red[{len(failed):,} failed]", anchor=False)
    for plugin in failed:
        for each in plugin.failures:
            failure(each)


def _table(plugins: Sequence[PluginSummary]) -> None:
    columns: dict[str, list[Any]] = {
        "plugin": [each.name for each in plugins],
        "status": [each.status for each in plugins],
        "from": [_whence(each) for each in plugins],
        "pictures": [", ".join(shown.title for shown in each.visualizers) for each in plugins],
        "import": [each.import_seconds for each in plugins],
        "changed": [each.changed_at for each in plugins],
        "report to": [each.report_to for each in plugins],
    }
    st.dataframe(
        pd.DataFrame({name: values for name, values in columns.items() if any(values)}),
        hide_index=True,
        height="content",
        column_config={"import": st.column_config.NumberColumn("import", format="%.2f s")},
    )


def _whence(plugin: PluginSummary) -> str:
    return _short(Path(plugin.path)) if plugin.path else f"{plugin.package} {plugin.version}".strip()


def _short(path: Path) -> str:
    # Where a server keeps its files is not for every visitor.
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else f"…/{path.parent.name}/{path.name}"


def _notices(plugins: Sequence[PluginSummary]) -> None:
    for plugin in plugins:
        for notice in plugin.notices:
            st.warning(f"{named(plugin.name)}: {plain(notice)}", icon=":material/info:")


def _gallery(workspace: WorkspaceInterface, plugins: Sequence[PluginSummary]) -> None:
    cards = [(plugin, each) for plugin in plugins for each in plugin.visualizers]
    places = []
    for start in range(0, len(cards), _COLUMNS):
        row = zip(st.columns(_COLUMNS, gap="medium"), cards[start : start + _COLUMNS], strict=False)
        for column, (plugin, visualizer) in row:
            with column.container(border=True, height="stretch"):
                places.append((st.empty(), plugin, visualizer))
                _describe(plugin, visualizer)
    for place, plugin, visualizer in places:
        with place.container(
            height=THUMBNAIL_SIZE[1] + 10, border=False, horizontal_alignment="center", vertical_alignment="center"
        ):
            _thumbnail(workspace, plugin, visualizer)


def _describe(plugin: PluginSummary, visualizer: InstalledVisualizer) -> None:
    colour = _COLOURS[plugin.status]
    changed = f" :green-badge[changed {plugin.changed_at}]" if plugin.changed_at else ""
    status = "" if plugin.status == "ready" else f" :{colour}-badge[{plugin.status}]"
    st.markdown(f"**{plain(visualizer.title)}**{status}{changed}  \n{plain(visualizer.description)}")
    whence = "" if plugin.source == "built-in" else f" · {plugin.package} {plugin.version}".rstrip()
    st.caption(f"{plain(visualizer.handles)}  \n{plain(visualizer.name + whence)}")


def _thumbnail(workspace: WorkspaceInterface, plugin: PluginSummary, visualizer: InstalledVisualizer) -> None:
    thumbnails = get_session().thumbnails
    key = (plugin.package, visualizer.name, plugin.changed_at)
    if key not in thumbnails:
        try:
            with waiting(workspace, f"Drawing {plain(visualizer.title)}", f"thumbnail/{visualizer.name}"):
                thumbnails[key] = workspace.thumbnail(visualizer.name)
        except LayerscopeError as error:
            thumbnails[key] = error.message
    thumbnail = thumbnails[key]
    if isinstance(thumbnail, str):
        st.caption(f":red[{plain(thumbnail)}]")
    elif thumbnail:
        st.image(thumbnail, width=THUMBNAIL_SIZE[0])
    else:
        st.caption("No example has a layer that it suits.")
