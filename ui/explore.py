"""The page Explore: the pictures of the selected layer, under the strip and beside the list of layers."""

from __future__ import annotations

from typing import Any

from core.workspace.layer_rows import row_of
from ui.address import keep_address
from ui.pictures import pictures
from ui.pins import take_model_of_pin
from ui.second_model import bring_second_model
from ui.session import get_session

__all__ = ["page"]


def page(unit: Any = None) -> None:
    """Draw the page.

    Args:
        unit: The page of the selected unit; None where there is none.
    """
    session = get_session()
    workspace, choice = session.workspace, session.choice
    if session.layer_rows is None:
        keep_address(choice)
        return
    take_model_of_pin(choice)
    if workspace.model is not None:
        bring_second_model(workspace, workspace.model, choice)
    pictures(workspace, choice, row_of(session.layer_rows, choice.layer), unit)
