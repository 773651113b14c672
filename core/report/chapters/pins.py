"""What somebody pinned on the page, with their notes."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.asking import Asking, said_in
from core.report.chapters.comparison import beside
from core.report.chapters.layers import pictures_of_unit
from core.report.chapters.samples import sample_figures, title_of_sample
from core.report.choices import ReportPin
from core.report.contents import Item, Notice, Paragraph, Section

__all__ = ["pins_chapter"]


def pins_chapter(asking: Asking, pins: Sequence[ReportPin], sample: int) -> Section:
    """Return the chapter, a part for each pin.

    Args:
        asking: Asks the workspace.
        pins: What was pinned.
        sample: Number of the sample that is taken where a pin is of none.
    """
    return Section("Pins", sections=tuple(_part(asking, pin, sample) for pin in pins))


def _part(asking: Asking, pin: ReportPin, sample: int) -> Section:
    items: list[Item] = [Paragraph(pin.note, is_of_person=True)] if pin.note else []
    if pin.misfit:
        return Section(pin.name, (*items, Notice(f"It is not shown: {pin.misfit}", "warning")))
    at = sample if pin.sample is None else pin.sample
    with said_in(items):
        items.append(Paragraph(_in_words(asking, pin, at)))
        if not pin.layer or pin.sample is not None:
            items += sample_figures(asking, at)
        items += _pictures(asking, pin, at)
    return Section(pin.name, tuple(items))


def _pictures(asking: Asking, pin: ReportPin, sample: int) -> Sequence[Item]:
    layer = pin.layer or (asking.model.featured_layer if pin.is_other_model else "")
    if not layer:
        return ()
    if pin.is_other_model:
        return beside(asking, layer, sample, pin.unit, pin.visualizer)
    if pin.unit is not None and not pin.visualizer:
        return pictures_of_unit(asking, layer, pin.unit, sample)
    picture = asking.view(layer, sample).picture(pin.visualizer)
    options = {} if pin.unit is None else {"@unit": pin.unit}
    return () if picture is None else (asking.picture(layer, picture, sample, options),)


def _in_words(asking: Asking, pin: ReportPin, sample: int) -> str:
    parts = [title_of_sample(asking, sample), pin.layer, "" if pin.unit is None else f"unit {pin.unit:,}"]
    return " · ".join(filter(None, [*parts, "beside the second model" if pin.is_other_model else ""]))
