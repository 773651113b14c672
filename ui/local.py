"""Whether a visitor sits at the machine that the server runs on, who then may do what its owner may."""

from __future__ import annotations

import os
from typing import Final

import streamlit as st

from core.common.limits import PREFIX, get_limits
from ui import engine

__all__ = ["has_walls", "is_local_visitor", "may_open_paths", "may_trust"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
# What stands in front of a server and lets others in says so with one of these.
_FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")


def is_local_visitor() -> bool:
    """Return whether nobody but the person at this machine reaches the server, as far as can be told.

    It listens on the loopback alone, is asked for by a name of this machine, and nothing forwards the request.
    """
    if st.get_option("server.address") not in _LOOPBACK:
        return False
    headers = st.context.headers
    host = headers.get("Host") or "localhost"
    # A browser says which page asks; a proxy that hides itself leaves that as it was.
    origin = headers.get("Origin", "").rpartition("//")[2]
    names = {_without_port(host), _without_port(origin or host)}
    return names <= _LOOPBACK and not any(headers.get(header) for header in _FORWARDED)


def has_walls() -> bool:
    """Return whether models run in confined processes, and not in the page's or that of whoever shows a model."""
    return not (engine.runs_in_process() or engine.shows_models_in_memory())


def may_open_paths() -> bool:
    """Return whether the visitor may open files of the server's machine by their path."""
    return get_limits().paths and (_is_set("PATHS") or is_local_visitor())


def may_trust() -> bool:
    """Return whether the visitor may let a model use code beyond Keras, which then runs in a confined process."""
    if not has_walls() or not get_limits().visitor_trust:
        return False
    return _is_set("VISITOR_TRUST") or is_local_visitor()


def _is_set(name: str) -> bool:
    return bool(os.environ.get(PREFIX + name))


def _without_port(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host
