"""The page Explore: the pictures of the selected layer, under the strip and beside the list of layers."""

from __future__ import annotations

from core.workspace.layer_table import row_of
from ui.address import keep_address
from ui.pictures import pictures
from ui.session import get_session

__all__ = ["page"]


def page() -> None:
    """Draw the page."""
    session = get_session()
    workspace, choice = session.workspace, session.choice
    if session.layer_rows is None:
        keep_address(choice)
        return
    pictures(workspace, choice, row_of(session.layer_rows, choice.layer))
