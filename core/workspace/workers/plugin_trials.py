"""Finds the plugin that ends every worker that it is loaded in, so that it alone is left out, and nobody else suffers.

A plugin that raises is guarded where it is loaded. One that ends its process, or never comes back from a library, takes
the worker with it, and the next one too: that is found out by starting workers without some of the plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from core.errors import WorkerLost
from core.plugins.plugin import Origin
from core.plugins.sources import file_source, folder_state, get_plugin_settings, identity_of, installed_packages

__all__ = ["fatal_plugins", "plugins_of_others"]

Trial: TypeAlias = Callable[[Mapping[str, str]], None]


def plugins_of_others() -> tuple[Origin, ...]:
    """Return the plugins that a worker would load beside those that ship; none of their code is run."""
    settings = get_plugin_settings()
    if not settings.enabled:
        return ()
    origins = (
        *(source.origin for source in installed_packages()),
        *(file_source(path).origin for path in folder_state(settings)),
    )
    return tuple(origin for origin in origins if settings.allows(origin))


def fatal_plugins(plugins: Sequence[Origin], try_without: Trial) -> dict[str, str]:
    """Return the plugins with which no worker works, by identity, each with what happened, a sentence.

    Args:
        plugins: Those that may be at fault.
        try_without: Starts a worker, has it draw a picture of an example, and ends it; called with what it is to leave
            out. Raises :class:`WorkerLost` where that fails.
    """
    left_out: dict[str, str] = dict.fromkeys(map(identity_of, plugins), "")
    if not plugins or _failure(try_without, left_out):
        # It is not the plugins.
        return {}
    fatal: dict[str, str] = {}
    suspects = list(plugins)
    while failure := _failure(try_without, fatal):
        # Who is named by what the process said last comes first, and is mostly found at the first try.
        suspects.sort(key=lambda plugin: not _is_named(plugin, failure))
        culprit = _first_without_which_it_works(suspects, fatal, try_without)
        others = {identity_of(each): "" for each in suspects if each != culprit}
        fatal[identity_of(culprit)] = _failure(try_without, {**fatal, **others}) or failure
        suspects.remove(culprit)
        if not suspects:
            break
    return fatal


def _first_without_which_it_works(suspects: Sequence[Origin], fatal: Mapping[str, str], try_without: Trial) -> Origin:
    """Return the last of the shortest row of suspects, from the first on, of which a worker works without all."""
    shortest, longest = 1, len(suspects)
    while shortest < longest:
        count = 1 if (shortest, longest) == (1, len(suspects)) else (shortest + longest) // 2
        without = {**fatal, **{identity_of(each): "" for each in suspects[:count]}}
        if _failure(try_without, without):
            shortest = count + 1
        else:
            longest = count
    return suspects[longest - 1]


def _failure(try_without: Trial, left_out: Mapping[str, str]) -> str:
    try:
        try_without(left_out)
    except WorkerLost as error:
        return str(error)
    return ""


def _is_named(plugin: Origin, text: str) -> bool:
    return any(word in text for word in (plugin.path, plugin.plugin) if word)
