"""What a visitor trusts: offered where a model is refused for want of code, remembered for the session, and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from core.common.text import or_list, safe_name
from core.errors import CodeNeeded, MissingObject
from core.models.code_needs import LAMBDA
from core.models.trust import Trust, bundle_of_upload, module_path
from core.workspace.results import ModelSummary
from ui import keys
from ui.local import has_walls, may_trust
from ui.session import Request, get_session
from ui.wording import named, plain

__all__ = ["offer_trust", "show_trusted", "trust_for"]


def trust_for(identity: Request) -> Trust:
    """Return what the visitor trusts for a model file.

    Args:
        identity: Tells the file from others.
    """
    trust = get_session().trust
    names = [*trust.names, *([LAMBDA] if identity in trust.lambdas else [])]
    return Trust(tuple(names), (bundle_of_upload(trust.uploads.items()),) if trust.uploads else ())


def offer_trust(error: CodeNeeded, identity: Request, key: str, again: Callable[[], object], path: str = "") -> None:
    """Say what a model needs beyond Keras, and let the visitor trust it where they may.

    Args:
        error: The refusal.
        identity: Tells the file from others.
        key: Tells the buttons from others on the page.
        again: What to call before another attempt.
        path: Where the file is on the server's machine; empty for an upload.
    """
    message = plain(error.message)
    if not may_trust():
        st.error(f"{message}\n\n{plain(error.remedy)} Nobody can allow it from the page here.", icon=":material/block:")
        st.code(error.code, language="python", wrap_lines=True)
        return
    st.error(message, icon=":material/block:")
    places = {need: module_path(need.module, _folders(path)) for need in error.objects}
    installed = [need for need, place in places.items() if place is not None]
    if installed:
        _offer_modules({need: str(places[need]) for need in installed}, key, again)
    homeless = [need for need, place in places.items() if place is None]
    if homeless:
        _offer_upload(homeless, key, again)
    if error.lambdas:
        _offer_lambdas(error.lambdas, identity, key, again)


def show_trusted(model: ModelSummary) -> None:
    """Say what the open model uses beyond Keras because somebody trusts it."""
    if not model.trusted:
        return
    walls = "It has no network and sees no files. " if has_walls() else ""
    trust = get_session().trust
    is_theirs = trust.names or trust.uploads or trust.lambdas
    st.caption(
        f":material/verified_user: Runs what {'you trust' if is_theirs else 'is trusted here'}: "
        f"{', '.join(map(named, model.trusted))}. {walls}{'Your trust ends with this visit.' if is_theirs else ''}"
    )


def _folders(path: str) -> list[Path]:
    return [Path.cwd(), *([Path(path).expanduser().resolve().parent] if path else [])]


def _offer_modules(places: dict[MissingObject, str], key: str, again: Callable[[], object]) -> None:
    needs, names = list(places), list(dict.fromkeys(places.values()))
    titles = [Path(name).name for name in names]
    where = "of the package" if all(Path(name).suffix != ".py" for name in names) else "of"
    objects = ", ".join(f"**{named(need.name)}**" for need in needs[:5])
    more = f" and {len(needs) - 5:,} more" if len(needs) > 5 else ""
    st.markdown(f"It uses {objects}{more} {where} {', '.join(map(named, titles))}, which is here.")

    def trust() -> None:
        get_session().trust.names += names
        again()

    st.button(
        f"Open with {named(' and '.join(titles))}",
        key=keys.trust_modules(key),
        on_click=trust,
        icon=":material/verified_user:",
        help="Its code is run in a process of its own, without network and files.",
        width="stretch",
    )


def _offer_upload(needs: Sequence[MissingObject], key: str, again: Callable[[], object]) -> None:
    names = or_list(need.name for need in needs[:5])
    files = st.file_uploader(
        f"The Python file that defines {named(names)}",
        type=["py"],
        accept_multiple_files=True,
        key=keys.trust_upload(key, safe_name(names)),
        help="With what it imports beside it; for a function of TensorFlow, a file with the line that imports it. It "
        "is run in a process of its own, without network and files.",
    )
    trust = get_session().trust
    file_ids = trust.upload_ids.setdefault(key, set())
    new_files = [file for file in files if file.file_id not in file_ids]
    if new_files:
        file_ids.update(file.file_id for file in new_files)
        trust.uploads |= {file.name: file.getvalue() for file in new_files}
        again()
        st.rerun()


def _offer_lambdas(names: Sequence[str], identity: Request, key: str, again: Callable[[], object]) -> None:
    several = "layers" if len(names) > 1 else "layer"
    listed = ", ".join(f"“{named(name)}”" for name in names[:5])
    st.markdown(f"The file brings code of its own in the {several} {listed}. Whoever made it decides what that does.")

    def trust() -> None:
        get_session().trust.lambdas.add(identity)
        again()

    st.button(
        "Run it in a process without network and files",
        key=keys.trust_lambda(key),
        on_click=trust,
        icon=":material/play_arrow:",
        width="stretch",
    )
