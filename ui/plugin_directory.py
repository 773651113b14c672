"""More pictures: the packages of the directory that ships, those that are installed marked; nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.plugins.directory import KEYWORD, DirectoryEntry, list_directory, same_package
from core.workspace.results import PluginSummary
from ui.wording import plain

__all__ = ["more_pictures"]

_COLUMNS = 3
_LISTED = (
    f"Yours: name it `layerscope-…`, give it the keyword `{KEYWORD}`, and see what `layerscope plugins check` says at "
    "its end; then a pull request adds it, as `docs/plugin-directory.md` tells."
)


def more_pictures(plugins: Sequence[PluginSummary], entries: Sequence[DirectoryEntry] | None = None) -> None:
    """Draw a card for each package that is listed, and say how to be listed.

    Args:
        plugins: Those that were found.
        entries: The packages; by default those that ship.
    """
    listed = list_directory() if entries is None else entries
    st.markdown("##### More pictures :gray[· packages that you can install]")
    if not listed:
        st.info(f"No package is listed yet. {_LISTED}", icon=":material/extension:")
        return
    found = {each.package: each.status for each in plugins if each.source == "package"}
    for start in range(0, len(listed), _COLUMNS):
        row = listed[start : start + _COLUMNS]
        for column, entry in zip(st.columns(_COLUMNS, gap="medium"), row, strict=False):
            with column.container(border=True, height="stretch"):
                _card(entry, found)
    st.caption(
        "The list ships with Layerscope, and nothing is fetched to show it. What is listed is a stranger's code: that "
        f"it is here says nothing of what it does.  \n{_LISTED}"
    )


def _card(entry: DirectoryEntry, found: dict[str, str]) -> None:
    st.markdown(f"**{plain(', '.join(entry.titles))}**{_badge(entry, found)}  \n{plain(entry.description)}")
    st.code(entry.installed_by, language="sh", wrap_lines=True)
    source = f"[{plain(entry.url)}]({entry.url})" if entry.url else "an example, among Layerscope's own files"
    st.caption(f"{plain(entry.package)} · {plain(entry.license)} · {source}")


def _badge(entry: DirectoryEntry, found: dict[str, str]) -> str:
    status = next((status for package, status in found.items() if same_package(package, entry.package)), "")
    return {
        "": "",
        "ready": " :green-badge[installed]",
        "failed": " :red-badge[installed, failed]",
        "not allowed": " :gray-badge[installed, not allowed here]",
    }[status]
