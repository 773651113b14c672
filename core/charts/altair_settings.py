"""Keeps Altair's settings, which it has once for the whole process, out of the hands of plugins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import altair as alt
from altair.utils import schemapi

from core.charts.table_rows import TABLE_ROWS

__all__ = ["check_charts_as_a_whole", "checked_part_by_part", "checks_part_by_part", "plain_settings", "put_back"]


class _Settings:
    """Who may change the settings when: one lock, since a plugin's may be put back while another's chart is made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._running = 0
        self._before: tuple[Any, ...] = ()

    def enter(self) -> None:
        with self.lock:
            # What was set before the first plugin that runs now, however many run at once.
            if self._running == 0:
                self._before = _now()
            self._running += 1

    def leave(self) -> None:
        with self.lock:
            self._running -= 1
            if _now() != self._before:
                _set(self._before)


_settings = _Settings()


@contextmanager
def put_back() -> Iterator[None]:
    """Run a plugin, and put back the theme, data transformer and renderer that it may have changed."""
    _settings.enter()
    try:
        yield
    finally:
        _settings.leave()


@contextmanager
def plain_settings(max_rows: int) -> Iterator[None]:
    """Make charts into specifications without a theme, the data inside, and a limit on the rows of each table.

    One thread at a time, since Altair has these settings for the whole process.

    Args:
        max_rows: More rows in one table raise :class:`altair.MaxRowsError`.
    """
    with _settings.lock:
        before = _now()
        try:
            alt.theme.enable("none")
            alt.data_transformers.enable(TABLE_ROWS, max_rows=max_rows)
            alt.data_transformers.consolidate_datasets = True
            yield
        finally:
            _set(before)


def check_charts_as_a_whole() -> None:
    """Let this process no longer check each part of a chart when it is made, a quarter of the time that a chart takes.

    A chart is checked when it is done, by :func:`core.charts.validation.specification_of`.
    """
    schemapi.disable_debug_mode()


def checks_part_by_part() -> bool:
    """Return whether each part of a chart is checked when it is made, as Altair does unless it is told otherwise."""
    return schemapi.DEBUG_MODE


@contextmanager
def checked_part_by_part() -> Iterator[None]:
    """Check each part of a chart when it is made, so that the traceback of a fault leads to the line that made it."""
    with schemapi.debug_mode(True):
        yield


def _now() -> tuple[Any, ...]:
    transformers, renderers = alt.data_transformers, alt.renderers
    return (
        (alt.theme.active, dict(alt.theme.options)),
        (transformers.active, dict(transformers.options), transformers.consolidate_datasets),
        (renderers.active, dict(renderers.options)),
    )


def _set(settings: tuple[Any, ...]) -> None:
    (theme, theme_options), (transformer, transformer_options, consolidate), (renderer, renderer_options) = settings
    alt.theme.enable(theme, **theme_options)
    alt.data_transformers.enable(transformer, **transformer_options)
    alt.data_transformers.consolidate_datasets = consolidate
    alt.renderers.enable(renderer, **renderer_options)
