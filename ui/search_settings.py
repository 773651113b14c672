"""How the maximize page searches: controls whose values are options, and stand in the address as those of pictures do.

What is meant of a layer's answer, such as a position or a unit that is subtracted, has the name that it has in the
pictures that explain: who chose it there finds it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from core.analysis.attribution.targets import ranges_of
from core.plugins.controls import Control, suited
from core.workspace.search_results import SearchableLayer
from ui.choice import Choice, is_of_a_layer

__all__ = ["ENTRY", "FROM_SAMPLE", "WHOLE_LAYER", "lists_classes", "search_controls", "search_settings"]

_PREFIX: Final = "maximize."
WHOLE_LAYER: Final = f"{_PREFIX}whole_layer"
"""Name of the option whether all of a layer is looked for, instead of a unit."""
FROM_SAMPLE: Final = f"{_PREFIX}from_sample"
"""Name of the option whether a search starts from the open sample."""
ENTRY: Final = f"{_PREFIX}entry"
"""Name of the option which of several inputs is searched."""
_MOST_LISTED: Final = 4_096
_AGAINST: Final = "against it"


def search_controls(layer: SearchableLayer, choice: Choice) -> tuple[Control, ...]:
    """Return a control for each setting of a search that acts for a layer and the input that is searched.

    Args:
        layer: The layer.
        choice: What was chosen, among it the input.
    """
    entry = choice.options.get(ENTRY)
    has_places = bool(layer.axes)
    takes_images = bool(layer.images) if entry is None else entry in layer.images
    return (
        _entry(layer),
        _number("starts", "Starts", 2, 1, 6, 1, "From different noise: a unit may answer to several things."),
        _number(
            "diversity", "Diversity", 0.3, 0, 2, 0.1, "How much the inputs are kept from exciting the layer alike."
        ),
        _number("smoothness", "Smoothness", 0.1, 0, 1, 0.05, "Weight of the total variation."),
        _number(
            "decay",
            "Regularization",
            0.5,
            0,
            2,
            0.1,
            "Weight of the squared distance (L2) from what is usual in the samples.",
        ),
        _number(
            "jitter",
            "Jitter",
            0.06,
            0,
            0.25,
            0.01,
            "How far the image is moved before each step, as a share of a side.",
            is_idle=not takes_images,
        ),
        _number("zoom", "Zoom", 0.06, 0, 0.3, 0.01, "By how much it is scaled, likewise.", is_idle=not takes_images),
        _number(
            "rotation",
            "Rotation",
            5.0,
            0,
            30,
            1,
            "By how many degrees it is turned, likewise.",
            is_idle=not takes_images,
        ),
        Control(
            f"{_PREFIX}by_frequency",
            "Fourier basis",
            "switch",
            True,
            "Steps along frequencies instead of pixels or timesteps, where ascent finds noise (Olah et al. 2017).",
        ),
        Control(
            FROM_SAMPLE,
            "Start from the sample",
            "switch",
            False,
            "The open one, instead of noise: for DeepDream with a whole layer.",
        ),
        _versus(layer),
        Control(
            "speaks",
            f"What speaks for the {layer.kind}",
            "choice",
            "for it",
            "Against it: what keeps the unit down, or what the model takes for anything but the class.",
            choices=("for it", _AGAINST),
        ),
        Control(
            "position",
            "Position",
            "integer",
            None,
            "One step, token or box of an answer that has several, not their mean.",
            0,
            max(layer.positions - 1, 0),
            optional=True,
            none_title="all",
            is_idle=not layer.positions,
        ),
        Control(
            f"{_PREFIX}one_place",
            "Center position only",
            "switch",
            False,
            "The unit in the middle, instead of its mean over all positions.",
            is_idle=not has_places or None in layer.extents,
        ),
        Control(
            f"{_PREFIX}seed",
            "Seed",
            "integer",
            None,
            "Of the noise that it starts from.",
            0,
            10_000,
            optional=True,
            none_title="0",
        ),
    )


def lists_classes(layer: SearchableLayer) -> bool:
    """Return whether the units of a layer are chosen from a list of classes, not by their number."""
    return bool(layer.class_names) and layer.unit_count <= _MOST_LISTED


def search_settings(layer: SearchableLayer, controls: Sequence[Control], choice: Choice) -> dict[str, Any]:
    """Return what a search of a layer goes by, see :meth:`.WorkspaceInterface.maximize`.

    Args:
        layer: The layer.
        controls: As :func:`search_controls` returns them for it.
        choice: What was chosen, which may be from an old link or for another layer.
    """
    is_own = layer.key == choice.layer
    values = {}
    for control in controls:
        if not control.is_idle:
            # A position or unit that was chosen is one of the page's layer.
            value = choice.options.get(control.name) if is_own or not is_of_a_layer(control.name) else None
            values[control.name.removeprefix(_PREFIX)] = suited(control.default if value is None else value, control)
    settings = {**values, "against": values.pop("speaks") == _AGAINST, "seed": values["seed"] or 0}
    extents = [extent for extent in layer.extents if extent is not None]
    if is_own and layer.has_region and choice.region is not None and ranges_of(choice.region, extents):
        settings["region"] = choice.region
    return settings


def _entry(layer: SearchableLayer) -> Control:
    """Return the control for which of several inputs is searched, the others held at the open sample."""
    return Control(
        ENTRY,
        "Input",
        "choice",
        None,
        "Which input is searched; the others are held at the open sample. Automatic: the first with a gradient.",
        choices=(None, *layer.inputs),
        optional=True,
        none_title="automatic",
        is_idle=not layer.has_other_inputs or len(layer.inputs) < 2,
    )


def _versus(layer: SearchableLayer) -> Control:
    """Return the control for which other unit or class is subtracted: what answers to the one and not to the other."""
    last, hint = layer.unit_count - 1, f"What excites the {layer.kind} more than this one."
    title = f"Versus {layer.kind}"
    if lists_classes(layer):
        return Control(
            "versus",
            title,
            "choice",
            None,
            hint,
            choices=(None, *range(last + 1)),
            optional=True,
            choice_titles=("none", *layer.class_names),
            none_title="none",
        )
    return Control("versus", title, "integer", None, hint, 0, last, optional=True, none_title="none", is_idle=last == 0)


def _number(
    name: str,
    title: str,
    default: float,
    minimum: float,
    maximum: float,
    step: float,
    description: str,
    *,
    is_idle: bool = False,
) -> Control:
    kind: Any = "integer" if isinstance(default, int) else "number"
    return Control(f"{_PREFIX}{name}", title, kind, default, description, minimum, maximum, step=step, is_idle=is_idle)
