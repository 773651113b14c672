"""Lets a visualizer draw, gives it what it asks for, and makes sure that what it returns is sound and not too large."""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import altair as alt
import numpy as np
from altair.utils.schemapi import SchemaValidationError

from core.analysis.layer_dataset import LayerDataset
from core.analysis.other_model import OtherModel
from core.charts.altair_settings import checked_part_by_part, checks_part_by_part, plain_settings
from core.charts.descriptions import description_of
from core.charts.plain_results import chart_of
from core.charts.specifications import has_own_width
from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.common.limits import Limits, format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import LayerscopeError, PluginFailed
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.inputs.structure import in_structure
from core.plugins.deadlines import Deadline
from core.plugins.declarations import chart_arguments
from core.plugins.meanings import OutputMeaning
from core.plugins.panels import Panel, PanelPage, drawing_method, sound_page
from core.plugins.plugin import Origin, problem_of
from core.plugins.visualizer import Options, Refusal, Visualizer

__all__ = [
    "ChartContext",
    "ContentCache",
    "Drawing",
    "Picture",
    "call_chart",
    "drawing_failed",
    "no_chart",
    "sound_drawing",
    "sound_pictures",
]

_RESULTS_KEPT: Final = 32
_WIDTH: Final = 640


@dataclass(frozen=True)
class Picture:
    """One chart of a drawing, found to be sound.

    Attributes:
        caption: What stands above it; empty where there is one chart alone.
        chart: The Altair chart.
        specification: Its Vega-Lite specification, the data inside; its ``description`` is what a screen reader says.
    """

    caption: str
    chart: Any
    specification: dict[str, Any]

    @property
    def alt(self) -> str:
        """What a screen reader says in its place, see :func:`core.charts.descriptions.description_of`."""
        return str(self.specification.get("description", ""))

    @property
    def selections(self) -> tuple[str, ...]:
        """Names of the selection parameters in the chart."""
        return tuple(param["name"] for param in self.specification.get("params", ()) if "select" in param)


@dataclass(frozen=True)
class Drawing:
    """What a visualizer made of an activation.

    Attributes:
        pictures: The charts, one or several; none where it refused.
        refusal: Why there is nothing to be drawn; empty where there is.
        notes: A sentence per option value that had to be fitted.
        faults: By option, why its value was refused and the default taken.
        panel: The page of a panel, which has no charts; else None.
        printed: What a stranger's plugin printed meanwhile, where that is heard, see :mod:`core.common.prints`.
    """

    pictures: tuple[Picture, ...]
    refusal: str = ""
    notes: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    panel: PanelPage | None = None
    printed: str = ""

    @property
    def chart(self) -> Any:
        """The Altair chart; several stand under one another, each with its caption.

        Raises:
            ValueError: If nothing was drawn.
        """
        if not self.pictures:
            raise ValueError("a panel is a page, and no chart" if self.panel else f"nothing was drawn: {self.refusal}")
        if len(self.pictures) == 1:
            return self.pictures[0].chart
        with warnings.catch_warnings():
            # A selection that two of them share is one, as on the page.
            warnings.filterwarnings("ignore", "Automatically deduplicated selection parameter", UserWarning)
            together = alt.vconcat(*(_captioned(each) for each in self.pictures))
        return together.resolve_scale(color="independent")

    @property
    def specification(self) -> dict[str, Any]:
        """The Vega-Lite specification of :attr:`chart`."""
        if len(self.pictures) == 1:
            return self.pictures[0].specification
        with plain_settings(max_rows=get_limits().chart_rows):
            together = specification_of(self.chart)
        return {**together, "description": " ".join(each.alt for each in self.pictures)}

    @property
    def selections(self) -> tuple[str, ...]:
        """Names of the selection parameters in all charts."""
        return tuple(name for each in self.pictures for name in each.selections)


@dataclass(frozen=True)
class ChartContext:
    """What a visualizer may ask for beside the activation and its options, as far as it is there.

    Attributes:
        activations: What all layers answered in the same pass.
        extractor: Holds the model.
        dataset: All samples.
        progress: Called with a fraction from 0 to 1 and a text.
        meanings: What outputs can mean, a :class:`core.plugins.meaning_registry.MeaningRegistry`.
        other_model: Returns the second model that is open, or None; it is asked only for a picture that asks.
    """

    activations: Activations | None = None
    extractor: Extractor | None = None
    dataset: LayerDataset | None = None
    progress: Callable[[float, str], None] | None = None
    meanings: Any = None
    other_model: Callable[[], OtherModel | None] | None = None


class ContentCache:
    """Keeps the results of functions by the content of their arguments."""

    def __init__(self) -> None:
        self._kept: OnceCache[Any] = OnceCache(_RESULTS_KEPT)

    def of(self, owner: str) -> Callable[..., Any]:
        """Return what a visualizer keeps its results with.

        Args:
            owner: Tells the results of one visualizer, and of one version of its file, from those of others.
        """

        def cache(function: Any, *arguments: Any) -> Any:
            import joblib

            # What is bound beforehand, such as whom to tell how far it is, changes nothing of the result.
            worker = function.func if isinstance(function, partial) else function
            if getattr(worker, "__closure__", None):
                names = ", ".join(worker.__code__.co_freevars)
                raise TypeError(
                    f"cache() was given {worker.__qualname__}, which takes {names} from around it; results are "
                    "kept by the content of the arguments, so pass it as an argument of a function of its own"
                )
            name = f"{getattr(worker, '__module__', '')}.{getattr(worker, '__qualname__', repr(worker))}"
            code = getattr(worker, "__code__", None)
            key = (owner, name, getattr(code, "co_code", b""), repr(getattr(code, "co_consts", ())))
            return self._kept.get((*key, joblib.hash(arguments)), lambda: _frozen(function(*arguments)))

        return cache


def call_chart(
    visualizer: Visualizer,
    activation: Activation,
    options: Options,
    context: ChartContext,
    cache: Callable[..., Any],
    deadline: Deadline,
) -> Any:
    """Call ``chart``, or ``page`` of a panel, with what it asks for, and return what it returns.

    Raises:
        LookupError: If it asks for something that is not there.
    """

    def progress(fraction: float, text: str = "") -> None:
        if context.progress:
            context.progress(min(max(float(fraction), 0.0), 1.0), safe_name(text))
        # Last, as a worker that says how far it is sets its alarm clock to the time of a whole request.
        deadline.extend()

    parts: dict[str, Any] = {
        "progress": progress,
        "cache": cache,
        "extractor": context.extractor,
        "activations": context.activations if context.activations is not None else activation.activations,
        "dataset": context.dataset or LayerDataset(activation),
        "meanings": context.meanings,
    }
    arguments = chart_arguments(visualizer)
    parts["other_model"] = context.other_model() if context.other_model and "other_model" in arguments else None
    if "activations" in arguments and parts["activations"] is None:
        parts["activations"] = _same_pass_again(activation)
    wanted = {}
    for name, parameter in arguments.items():
        if parts[name] is None and parameter.default is parameter.empty:
            raise LookupError(f"it asks for {name}, which is not there; in a notebook give {name}=…")
        wanted[name] = parts[name]
    return drawing_method(visualizer)(activation, options, **wanted)


def _same_pass_again(activation: Activation) -> Activations | None:
    """Return what all layers answer to the samples of an activation, where nobody kept that but the model is there."""
    extractor, context = activation.extractor, activation.context
    if extractor is None or not context.inputs:
        return None
    inputs = in_structure(extractor.model, context.inputs)
    again: Activations = extractor.extract(inputs, first=context.first, known=context)
    return again


def sound_pictures(draw: Callable[[], Any], limits: Limits) -> tuple[tuple[Picture, ...], str]:
    """Call what draws, and make sure that what it returns is sound.

    Args:
        draw: Returns a chart, a dict of captions and charts, or a refusal. Called again, with each part of a chart
            checked where it is made, if what it returned is not valid Vega-Lite: so a traceback leads to its line.
        limits: The most rows and bytes that all its charts together may have.

    Returns:
        The pictures, and why there are none if it refused.

    Raises:
        TypeError: If it is something else.
        ValueError: If it is over the budget.
        SchemaValidationError: If it is not valid Vega-Lite.
    """
    try:
        return _pictures_of(draw(), limits)
    except SchemaValidationError:
        if checks_part_by_part():
            raise
    with checked_part_by_part():
        return _pictures_of(draw(), limits)


def sound_drawing(visualizer: Visualizer, draw: Callable[[], Any], limits: Limits) -> Drawing:
    """Call what draws, and return the charts, or the page of a panel, found to be sound; or the refusal.

    Args:
        visualizer: What draws.
        draw: Returns what it drew, see :func:`sound_pictures`.
        limits: The most rows and bytes that it may have.

    Raises:
        TypeError: If it is something else than is needed.
        ValueError: If it is over the budget, or no page that may be shown.
        SchemaValidationError: If it is not valid Vega-Lite.
    """
    if isinstance(visualizer, Panel):
        panel, refusal = sound_page(draw(), limits)
        return Drawing((), refusal, panel=panel)
    return Drawing(*sound_pictures(draw, limits))


def no_chart(visualizer: Visualizer) -> PluginFailed:
    """Return what is said where somebody wants a panel as a chart or a file."""
    return PluginFailed(
        f"{visualizer.title} is a panel: a page that its plugin draws, and no chart.",
        plugin=visualizer.name,
        remedy="Look at it on the page; in Python, registry.draw(…).panel.html is what it holds.",
    )


def _pictures_of(returned: Any, limits: Limits) -> tuple[tuple[Picture, ...], str]:
    if isinstance(returned, Refusal):
        return (), returned.reason
    charts = returned if isinstance(returned, dict) else {"": returned}
    if not charts:
        raise TypeError("chart() returned an empty dict; return a Refusal where there is nothing to be drawn")
    pictures = []
    for caption, part in charts.items():
        chart = chart_of(part)
        if not isinstance(chart, alt.TopLevelMixin) or not isinstance(caption, str):
            raise TypeError(
                f"chart() returned {_kind_of(returned)}, an Altair chart is needed, an image, an array of two axes, a "
                "DataFrame, a dict of captions and these, or a Refusal"
            )
        specification = _specification(chart, limits)
        specification["description"] = description_of(specification, caption)
        pictures.append(Picture(caption, chart, specification))
    try:
        size = sum(len(json.dumps(each.specification, default=str, allow_nan=False)) for each in pictures)
    except ValueError as error:
        raise ValueError(
            "the chart holds a number that is NaN or infinite, such as in the domain of a scale: no browser can "
            "read; draw what is finite, and say how many numbers are not"
        ) from error
    if size > limits.chart_bytes:
        raise ValueError(
            f"the chart takes {size / 1e6:.1f} MB, more than the {format_limit(limits.chart_bytes)} that a browser "
            f"draws at once; aggregate the data, or draw what lies on a grid as an image. {raised_by('chart_bytes')}"
        )
    return tuple(pictures), ""


def _specification(chart: Any, limits: Limits) -> dict[str, Any]:
    try:
        with plain_settings(max_rows=limits.chart_rows):
            specification = specification_of(chart)
    except alt.MaxRowsError as error:
        raise _too_many_rows(limits) from error
    if _row_count(specification) > limits.chart_rows:
        raise _too_many_rows(limits)
    return specification


def _too_many_rows(limits: Limits) -> ValueError:
    return ValueError(
        f"the chart has more than {limits.chart_rows:,} rows of data, which a browser takes seconds to draw; aggregate "
        f"them with NumPy, or draw what lies on a grid as an image. {raised_by('chart_rows')}"
    )


def _row_count(part: Any) -> int:
    if isinstance(part, list):
        return sum(map(_row_count, part))
    if not isinstance(part, dict):
        return 0
    rows = 0
    for name, inner in part.items():
        if name == "datasets":
            rows += sum(len(table) for table in inner.values())
        elif name == "data" and isinstance(inner, dict):
            rows += len(inner["values"]) if isinstance(inner.get("values"), list) else 0
        else:
            rows += _row_count(inner)
    return rows


def _kind_of(returned: Any) -> str:
    if isinstance(returned, dict):
        kinds = {f"{type(caption).__name__} to {type(chart).__name__}" for caption, chart in returned.items()}
        return f"a dict of {', '.join(sorted(kinds))}"
    return type(returned).__name__


def _captioned(picture: Picture) -> Any:
    chart = picture.chart if has_own_width(picture.specification) else picture.chart.properties(width=_WIDTH)
    return alt.vconcat(chart, title=alt.TitleParams(text=picture.caption, anchor="start"))


def _frozen(result: Any) -> Any:
    # Kept for others too.
    for part in result if isinstance(result, (tuple, list)) else (result,):
        if isinstance(part, np.ndarray) and part.base is None:
            part.flags.writeable = False
    return result


def drawing_failed(
    brought: Visualizer | OutputMeaning,
    origin: Origin,
    what: str,
    error: BaseException,
    instead: str,
    printed: str = "",
) -> PluginFailed:
    """Return what is said where a picture or a meaning raised, with its traceback.

    Args:
        brought: The picture or meaning.
        origin: Where it comes from; of what ships with Layerscope nobody is sent to an author.
        what: What it was to draw, in words; empty if that is not known.
        error: What it raised.
        instead: What a person can do now, a sentence.
        printed: What it printed until then.
    """
    is_ours = origin.source == "built-in"
    name = brought.title if is_ours else f"{brought.title} ({brought.name}, {origin.in_words})"
    problem = problem_of(origin, "drawing", error)
    told = "".join(traceback.format_exception(error)) if is_ours else problem.traceback
    return PluginFailed(
        f"{name} failed{what and f' on {what}'}: {problem.message if is_ours else problem.in_words}",
        plugin=brought.name,
        package=origin.package,
        version=origin.version,
        traceback=f"{told}\nIt printed:\n{printed}" if printed else told,
        remedy=_own_remedy(error, instead) if is_ours else f"{instead} {_what_its_author_does(origin)}",
    )


def _what_its_author_does(origin: Origin) -> str:
    if origin.source == "file":
        return "If it is yours: mend the file and save it, and it is drawn again by itself."
    return f"Send the traceback to {origin.report_to or f'the author of {origin.package or origin.plugin}'}."


def _own_remedy(error: BaseException, instead: str) -> str:
    if isinstance(error, LayerscopeError) and error.remedy:
        return error.remedy
    is_too_large = isinstance(error, (TimeoutError, MemoryError, LayerscopeError))
    return instead if is_too_large else f"It is a fault of Layerscope. {instead}"
