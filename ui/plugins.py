"""The plugins page: which there are, from where, how each fared, and what each draws, or knows of outputs and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from core.common.text import sentence
from core.errors import LayerscopeError
from core.plugins.controls import GROUPS, Group
from core.plugins.sources import get_plugin_settings
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import (
    InstalledMeaning,
    InstalledReader,
    InstalledVisualizer,
    MeaningMatch,
    PluginSummary,
    Rejection,
)
from core.workspace.stored_thumbnails import stored_thumbnail
from ui import keys
from ui.pictures import failure
from ui.plugin_directory import more_pictures
from ui.session import get_session
from ui.waiting import show_error, waiting
from ui.wording import named, plain

__all__ = ["page"]

_COLUMNS = 3
_COLOURS = {"ready": "green", "failed": "red", "not allowed": "gray"}


@dataclass
class _Card:
    """A visualizer on the page, and the place of its thumbnail."""

    plugin: PluginSummary
    visualizer: InstalledVisualizer
    place: Any = None


def page() -> None:
    """Draw the page."""
    workspace = get_session().workspace
    st.markdown("#### Plugins")
    try:
        with waiting(workspace, "Looking for plugins", "plugins"):
            plugins = workspace.plugins()
    except LayerscopeError as error:
        show_error(error, workspace, "plugins")
        return
    _ways_in()
    _failures(plugins)
    strangers = [each for each in plugins if each.source != "built-in"]
    undrawn: list[_Card] = []
    if strangers:
        st.markdown(f"##### {len(strangers):,} added")
        _table(strangers)
        _notices(strangers)
        undrawn = _gallery(_cards(strangers))
        _meanings(strangers)
        _readers(strangers)
    _why_not(workspace)
    _what_outputs_mean(workspace)
    ours = [each for each in plugins if each.source == "built-in"]
    for group, cards in _by_group(_cards(ours)).items():
        st.markdown(f"##### {group.capitalize()} :gray[· {GROUPS[group]}]")
        undrawn += _gallery(cards)
    st.markdown("##### Output meanings :gray[· what the answer of a model is taken for]")
    _meanings(ours)
    st.markdown("##### Files :gray[· read for samples or models, beside those that Layerscope reads itself]")
    _readers(ours)
    more_pictures(plugins)
    # What has to be drawn comes when all else stands.
    for card in undrawn:
        with card.place.container(horizontal_alignment="center"):
            _drawn_thumbnail(workspace, card)


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
            "Every picture of a layer, and everything that an output can mean, is a plugin. To add one of yours, start "
            "the app with `-- --plugins DIR` and save a file there, or install a package with an entry point in the "
            "group `layerscope`."
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
        "output meanings": [", ".join(shown.title for shown in each.meanings) for each in plugins],
        "files": [", ".join(shown.title for shown in (*each.readers, *each.loaders)) for each in plugins],
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


def _cards(plugins: Sequence[PluginSummary]) -> list[_Card]:
    cards = [_Card(plugin, each) for plugin in plugins for each in plugin.visualizers]
    return sorted(cards, key=lambda card: card.visualizer.title.casefold())


def _by_group(cards: Sequence[_Card]) -> dict[Group, list[_Card]]:
    groups: dict[Group, list[_Card]] = {
        group: [card for card in cards if card.visualizer.group == group] for group in GROUPS
    }
    return {group: listed for group, listed in groups.items() if listed}


def _gallery(cards: Sequence[_Card]) -> list[_Card]:
    """Draw a card per visualizer; return those whose thumbnails have to be drawn yet."""
    undrawn = []
    for start in range(0, len(cards), _COLUMNS):
        row = cards[start : start + _COLUMNS]
        for column, card in zip(st.columns(_COLUMNS, gap="medium"), row, strict=False):
            with column.container(border=True, height="stretch"):
                card.place = st.empty()
                _describe(card.plugin, card.visualizer)
            stored = stored_thumbnail(card.visualizer.name) if card.plugin.source == "built-in" else b""
            if stored:
                card.place.image(stored, width="stretch", alt=_thumbnail_text(card.visualizer))
            elif not card.visualizer.is_panel:
                undrawn.append(card)
    return undrawn


def _meanings(plugins: Sequence[PluginSummary]) -> None:
    """Draw a card per meaning of outputs."""
    cards = [(plugin, each) for plugin in plugins for each in plugin.meanings]
    cards.sort(key=lambda card: card[1].title.casefold())
    for start in range(0, len(cards), _COLUMNS):
        row = cards[start : start + _COLUMNS]
        for column, (plugin, meaning) in zip(st.columns(_COLUMNS, gap="medium"), row, strict=False):
            with column.container(border=True, height="stretch"):
                _describe_meaning(plugin, meaning)


def _readers(plugins: Sequence[PluginSummary]) -> None:
    """Draw a card per kind of file that samples are read from, or models are made of."""
    cards = [(plugin, each) for plugin in plugins for each in (*plugin.readers, *plugin.loaders)]
    cards.sort(key=lambda card: card[1].title.casefold())
    for start in range(0, len(cards), _COLUMNS):
        row = cards[start : start + _COLUMNS]
        for column, (plugin, reader) in zip(st.columns(_COLUMNS, gap="medium"), row, strict=False):
            with column.container(border=True, height="stretch"):
                _card_text(plugin, reader, "", [f"Files: {plain(reader.handles)}"] if reader.handles else [])


def _describe(plugin: PluginSummary, visualizer: InstalledVisualizer) -> None:
    colour = _COLOURS[plugin.status]
    status = "" if plugin.status == "ready" else f" :{colour}-badge[{plugin.status}]"
    panel = " :gray-badge[page of its own]" if visualizer.is_panel else ""
    _card_text(plugin, visualizer, panel + status, [f"For: {plain(visualizer.handles)}"])


def _describe_meaning(plugin: PluginSummary, meaning: InstalledMeaning) -> None:
    told = [f"For: {plain(meaning.handles)}"] if meaning.handles else []
    told += [f"Loss: {plain(meaning.loss_name)}"] if meaning.loss_name else []
    told += [f":red[{plain(sentence(meaning.failure))}]"] if meaning.failure else []
    # One that fails says nothing against another of the same plugin.
    _card_text(plugin, meaning, " :red-badge[failed]" if meaning.failure else "", told)


def _card_text(
    plugin: PluginSummary,
    brought: InstalledVisualizer | InstalledMeaning | InstalledReader,
    status: str,
    told: Sequence[str],
) -> None:
    changed = f" :green-badge[changed {plugin.changed_at}]" if plugin.changed_at else ""
    st.markdown(f"**{plain(brought.title)}**{status}{changed}  \n{plain(brought.description)}")
    whence = "" if plugin.source == "built-in" else f" · {plugin.package} {plugin.version}".rstrip()
    st.caption("  \n".join([*told, plain(brought.name + whence)]))


def _thumbnail_text(visualizer: InstalledVisualizer) -> str:
    return f"Thumbnail of {visualizer.title}: {visualizer.description}"


def _drawn_thumbnail(workspace: WorkspaceInterface, card: _Card) -> None:
    thumbnails, visualizer = get_session().thumbnails, card.visualizer
    key = (card.plugin.package, visualizer.name, card.plugin.changed_at)
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
        st.image(thumbnail, width="stretch", alt=_thumbnail_text(visualizer))
    else:
        st.caption("No preview: none of the examples has a layer that it suits.")


def _why_not(workspace: WorkspaceInterface) -> None:
    if workspace.model is None or not workspace.sample_names:
        return
    expander = st.expander(
        "Why does a picture not suit a layer?", icon=":material/help:", key=keys.REJECTIONS, on_change="rerun"
    )
    if not expander.open:
        return
    choice = get_session().choice
    sample = min(choice.sample, len(workspace.sample_names) - 1)
    with expander:
        try:
            with waiting(workspace, "Looking at every layer", "rejecting_layers"):
                rows = workspace.layers(sample)
            layers = [row.key for row in rows]
            layer = st.selectbox(
                "Layer",
                layers,
                index=layers.index(choice.layer) if choice.layer in layers else 0,
                key=keys.REJECTING_LAYER,
            )
            with waiting(workspace, "Asking every picture", "rejections"):
                rejections = workspace.rejections(layer, sample) if layer else ()
        except LayerscopeError as error:
            show_error(error, workspace, "rejections")
            return
        if rejections:
            _rejections(rejections)
        else:
            st.caption("Every picture suits it.")


def _rejections(rejections: Sequence[Rejection]) -> None:
    table = {
        "picture": [each.title for each in rejections],
        "why not": [each.reason for each in rejections],
        "from": [each.package for each in rejections],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, height="content")


def _what_outputs_mean(workspace: WorkspaceInterface) -> None:
    if workspace.model is None or not workspace.sample_names:
        return
    expander = st.expander(
        "What can an output mean, and why not something else?",
        icon=":material/help:",
        key=keys.MATCHED_MEANINGS,
        on_change="rerun",
    )
    if not expander.open:
        return
    choice, outputs = get_session().choice, workspace.model.outputs
    sample = min(choice.sample, len(workspace.sample_names) - 1)
    with expander:
        output = ""
        if len(outputs) > 1:
            shown = choice.output or workspace.model.main_output
            index = outputs.index(shown) if shown in outputs else 0
            output = st.selectbox("Output", outputs, index=index, key=keys.MATCHED_OUTPUT) or ""
        try:
            with waiting(workspace, "Asking every meaning", "meanings"):
                matches = workspace.meanings(sample, output)
        except LayerscopeError as error:
            show_error(error, workspace, "meanings")
            return
        _matches(matches)


def _matches(matches: Sequence[MeaningMatch]) -> None:
    st.caption("The highest score is taken, unless you choose another beside the answer; plain numbers have 0.3.")
    table = {
        "meaning": [each.title for each in matches],
        "score, or why not": [each.reason if each.score is None else f"{each.score:.2f}" for each in matches],
        "from": [each.package for each in matches],
    }
    st.dataframe(pd.DataFrame(table), hide_index=True, height="content")
