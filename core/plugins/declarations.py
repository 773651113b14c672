"""Finds what is wrong with a plugin's declarations before anything is drawn, and where it stands."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Final

from pydantic import ValidationError

from core.common.text import did_you_mean, or_list
from core.plugins import hookspecs
from core.plugins.handles import Handles
from core.plugins.loaders import ModelLoader
from core.plugins.meanings import OutputMeaning
from core.plugins.options import control_fault
from core.plugins.panels import Panel, drawing_method
from core.plugins.readers import InputReader
from core.plugins.visualizer import API_VERSION, GROUPS, OLDEST_API_VERSION, Options, Visualizer

__all__ = [
    "CHART_ARGUMENTS",
    "chart_arguments",
    "declaration_fault",
    "hook_fault",
    "loader_fault",
    "meaning_fault",
    "place_of",
    "reader_fault",
    "registered_classes",
    "summary_of",
    "version_fault",
]

CHART_ARGUMENTS: Final = ("progress", "cache", "extractor", "activations", "dataset", "meanings", "other_model")
"""What ``chart`` may ask for by naming a parameter so."""

VERSION_NAME: Final = "layerscope_api"
_DECLARED: Final = (
    *("name", "title", "group", "handles", "Options", "how_to_read", "limitations", "priority", "needs", "chart"),
    "on_unit_card",
)


def version_fault(plugin: Any) -> str:
    """Return why a plugin's version of the API cannot be served; empty if it can."""
    given = getattr(plugin, VERSION_NAME, API_VERSION)
    served = f"this Layerscope serves {or_list(range(OLDEST_API_VERSION, API_VERSION + 1))}"
    if isinstance(given, bool) or not isinstance(given, int):
        return f"{VERSION_NAME} = {given!r}: a whole number is needed; {served}"
    if given > API_VERSION:
        return (
            f"it was written for version {given} of the plugin API, {served}. "
            "Update Layerscope, or install an older version of the plugin"
        )
    if given < OLDEST_API_VERSION:
        return f"it was written for version {given} of the plugin API, {served}. Ask its author for a newer version"
    return ""


def hook_fault(plugin: Any) -> tuple[str, Any]:
    """Return what is wrong with the hooks of a plugin, and the function at fault; empty if nothing is."""
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "layerscope_spec")]
    marked = False
    for attribute in dir(plugin):
        function = getattr(plugin, attribute, None)
        marks = getattr(function, "layerscope_impl", None)
        if marks is None:
            continue
        marked = True
        name = (marks.get("specname") or attribute) if isinstance(marks, dict) else attribute
        if name not in known:
            meant = did_you_mean(name, known)
            return f"there is no hook {name!r}{meant} The hooks are: {', '.join(known)}.", function
        if callable(function):
            there_are = list(inspect.signature(getattr(hookspecs, name)).parameters)
            for asked in inspect.signature(function).parameters:
                if asked not in there_are:
                    may = f"It may ask for: {', '.join(there_are)}." if there_are else "It is called without arguments."
                    return f"the hook {name!r} asks for {asked!r}{did_you_mean(asked, there_are)} {may}", function
    if not marked and inspect.isclass(plugin):
        return f"an instance is needed, not the class: {plugin.__name__}()", None
    if not marked:
        unmarked = next((name for name in known if callable(getattr(plugin, name, None))), "")
        if not unmarked and registered_classes(plugin):
            return "", None
        what = f"{unmarked}() is not marked as a hook" if unmarked else "it has no hook"
        return f"{what}; put @hookimpl above a function visualizers() that returns the pictures", None
    return "", None


def registered_classes(plugin: Any) -> tuple[str, ...]:
    """Return the names of the classes and functions that a plugin's module registered with Keras, for model files."""
    keras = sys.modules.get("keras")
    if keras is None or not inspect.ismodule(plugin):
        return ()
    registered = keras.saving.get_custom_objects()
    return tuple(sorted(name for name, custom in registered.items() if custom.__module__ == plugin.__name__))


def declaration_fault(visualizer: Any, *, hook: str = "", may_be_empty: bool = False) -> str:
    """Return what is wrong with the declarations of a visualizer; empty if nothing is.

    Args:
        visualizer: Whatever a plugin brought.
        hook: The hook that returned it; empty for none.
        may_be_empty: Whether ``Handles()`` may name nothing, as in version 1 of the API.
    """
    if hook == "panels" and not isinstance(visualizer, Panel):
        return "is not an instance of vizplugins.Panel (an instance is needed, not the class)"
    if not isinstance(visualizer, Visualizer):
        return "is not an instance of vizplugins.Visualizer (an instance is needed, not the class)"
    if hook == "visualizers" and isinstance(visualizer, Panel):
        return "is a panel, which is a page and no chart; return it from a hook panels() instead"
    return (
        _misspelt(type(visualizer))
        or _name_fault(visualizer)
        or _handles_fault(visualizer.handles, may_be_empty)
        or _attribute_fault(visualizer)
        or _chart_fault(visualizer)
        or _options_fault(visualizer.Options)
    )


def _name_fault(visualizer: Visualizer) -> str:
    for attribute in ("name", "title"):
        if not isinstance(getattr(visualizer, attribute), str) or not getattr(visualizer, attribute):
            return f"declares no {attribute}"
    return ""


def _handles_fault(handles: Any, may_be_empty: bool) -> str:
    if not isinstance(handles, Handles):
        return f"declares handles = {handles!r}, an instance of vizplugins.Handles is needed"
    if handles.is_empty and not may_be_empty:
        return (
            "does not say what it handles. Name layer_types, axes, ranks, parts, dtypes or when, such as "
            'handles = Handles(axes=("sample", "unit")); Handles(layer_types=("Layer",)) takes every layer'
        )
    return ""


def _attribute_fault(visualizer: Visualizer) -> str:
    if visualizer.group not in tuple(GROUPS):
        meant = did_you_mean(visualizer.group, GROUPS) if isinstance(visualizer.group, str) else "."
        return f"declares group = {visualizer.group!r}, which there is not{meant} The groups are: {', '.join(GROUPS)}"
    if not isinstance(visualizer.priority, int):
        return f"declares priority = {visualizer.priority!r}, a whole number is needed"
    if not isinstance(visualizer.needs, tuple) or set(visualizer.needs) - {"internals"}:
        return f"declares needs = {visualizer.needs!r}, () or ('internals',) is needed"
    if isinstance(visualizer, Panel) and visualizer.on_unit_card:
        return "declares on_unit_card, which is for charts: the card of a unit shows no panels"
    if not isinstance(visualizer.on_unit_card, int):
        return (
            f"declares on_unit_card = {visualizer.on_unit_card!r}, how many of its pictures, a whole number, is needed"
        )
    for attribute in ("how_to_read", "limitations"):
        if not isinstance(getattr(visualizer, attribute), str):
            return f"declares {attribute} = {getattr(visualizer, attribute)!r}, text is needed"
    return ""


def meaning_fault(meaning: Any) -> str:
    """Return what is wrong with the declarations of a meaning, whatever a plugin brought; empty if nothing is."""
    if not isinstance(meaning, OutputMeaning):
        return "is not an instance of vizplugins.OutputMeaning (an instance is needed, not the class)"
    for attribute in ("name", "title"):
        if not isinstance(getattr(meaning, attribute), str) or not getattr(meaning, attribute):
            return f"declares no {attribute}"
    for attribute in ("takes", "loss_name"):
        if not isinstance(getattr(meaning, attribute), str):
            return f"declares {attribute} = {getattr(meaning, attribute)!r}, text is needed"
    for method in ("match", "answer"):
        if getattr(type(meaning), method) is getattr(OutputMeaning, method):
            arguments = "output, height" if method == "answer" else "output"
            return f"has no method {method}(self, {arguments})"
    return ""


def reader_fault(reader: Any) -> str:
    """Return what is wrong with the declarations of a reader, whatever a plugin brought; empty if nothing is."""
    return _file_fault(reader, InputReader, ("match", "read"), "self, file, spec")


def loader_fault(loader: Any) -> str:
    """Return what is wrong with the declarations of a loader, whatever a plugin brought; empty if nothing is."""
    return _file_fault(loader, ModelLoader, ("match", "load"), "self, file")


def _file_fault(brought: Any, base: type, methods: tuple[str, ...], arguments: str) -> str:
    if not isinstance(brought, base):
        return f"is not an instance of vizplugins.{base.__name__} (an instance is needed, not the class)"
    for attribute in ("name", "title"):
        if not isinstance(getattr(brought, attribute), str) or not getattr(brought, attribute):
            return f"declares no {attribute}"
    takes = getattr(brought, "takes", None)
    if not isinstance(takes, str):
        return f"declares takes = {takes!r}, text is needed"
    for method in methods:
        if getattr(type(brought), method) is getattr(base, method):
            return f"has no method {method}({arguments})"
    return ""


def summary_of(brought: Visualizer | OutputMeaning | InputReader | ModelLoader) -> str:
    """Return the sentence that what a plugin brought says of itself; what it raised, if it does."""
    try:
        return str(brought.summary())
    except Exception as error:
        return f"Its summary() raised {type(error).__name__}: {error}"


def chart_arguments(visualizer: Visualizer) -> dict[str, inspect.Parameter]:
    """Return which of :data:`CHART_ARGUMENTS` what draws (``page`` of a panel) asks for, each with its parameter."""
    asked = inspect.signature(drawing_method(visualizer)).parameters
    return {name: parameter for name, parameter in asked.items() if name in CHART_ARGUMENTS}


def place_of(thing: Any) -> tuple[str, int]:
    """Return file and line where a function, a module or the class of an object is defined; empty and 0 if unknown."""
    if inspect.ismodule(thing):
        return getattr(thing, "__file__", None) or "", 0
    defined = thing if inspect.isfunction(thing) or inspect.isclass(thing) else type(thing)
    try:
        return inspect.getsourcefile(defined) or "", inspect.getsourcelines(defined)[1]
    except (OSError, TypeError):
        return "", 0


def _misspelt(visualizer: type[Visualizer]) -> str:
    base = Panel if issubclass(visualizer, Panel) else Visualizer
    classes = visualizer.__mro__[: visualizer.__mro__.index(base)]
    own = [name for cls in classes for name in vars(cls) if not name.startswith("_")]
    declared = ("page" if base is Panel and name == "chart" else name for name in _DECLARED)
    missing = [name for name in declared if name not in own]
    for name in own:
        suggestion = "." if name in dir(base) else did_you_mean(name, missing, closeness=0.75)
        if suggestion != ".":
            return f"declares {name!r}, which means nothing here{suggestion}"
    return ""


def _chart_fault(visualizer: Visualizer) -> str:
    method, base = ("page", Panel) if isinstance(visualizer, Panel) else ("chart", Visualizer)
    needed = f"{method}(self, activation, options)"
    if getattr(type(visualizer), method) is getattr(base, method):
        return f"has no method {needed}"
    parameters = list(inspect.signature(drawing_method(visualizer)).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if sum(parameter.kind in positional for parameter in parameters[:2]) < 2:
        names = ", ".join(["self", *(parameter.name for parameter in parameters)])
        return f"has {method}({names}); {needed} is needed"
    for parameter in parameters[2:]:
        by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        is_known = parameter.name in CHART_ARGUMENTS or parameter.default is not parameter.empty
        if not (by_name and is_known):
            suggestion = did_you_mean(parameter.name, CHART_ARGUMENTS)
            return (
                f"has a {method} that asks for {str(parameter)!r}, which there is not{suggestion} "
                f"Beside activation and options it may ask for: {', '.join(CHART_ARGUMENTS)}"
            )
    return ""


def _options_fault(options: Any) -> str:
    if not (isinstance(options, type) and issubclass(options, Options)):
        return f"declares Options = {options!r}, a subclass of vizplugins.Options is needed"
    required = [name for name, field in options.model_fields.items() if field.is_required()]
    if required:
        return f"has options without a default: {', '.join(required)}"
    for name, field in options.model_fields.items():
        if name in CHART_ARGUMENTS:
            return f"has an option {name!r}, which is the name of something that chart() may ask for; rename it"
        fault = control_fault(name, field)
        if fault:
            return fault
    try:
        options.model_validate(options().model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "together"
        return f"has defaults that its own Options refuse: {name}: {first['msg']} (given {first['input']!r})"
    return ""
