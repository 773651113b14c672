"""A plugin with every kind of option, two charts whose selections come back as options, progress and a refusal."""

import enum
from typing import Annotated, Literal

import altair as alt
from pydantic import Field

from vizplugins import (
    Activation,
    BoundsOf,
    ClassIndex,
    Colour,
    ColourScheme,
    Handles,
    LayerKey,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    hookimpl,
)

layerscope_api = 2
Share = Annotated[float, Field(ge=0, le=1)]
Step = Annotated[int, Field(ge=0, le=28)]


class Mark(enum.Enum):
    LINE = "line"
    BAR = "bar"


class EveryOption(Options):
    sample: SampleIndex = 0
    unit: UnitIndex = Field(0, title="Unit")
    units: tuple[UnitIndex, ...] = (0, 1)
    least: int | None = Field(None, ge=0, le=5, title="Least")
    share: float = Field(0.5, ge=0, le=1, title="Share")
    even: int = Field(4, ge=2, le=20, multiple_of=2, title="Even")
    shown: bool = True
    maybe: bool | None = None
    mark: Mark = Mark.LINE
    which: tuple[Literal["a", "b", "c"], ...] = ("a",)
    colours: ColourScheme = "automatic"
    line: Colour = Field("#4c78a8", title="Line")
    every: Annotated[int, BoundsOf(lambda activation: (1, activation.shape[-1]))] = Field(9_000, title="Every")
    band: tuple[Share, Share] = (0.25, 0.75)
    steps: tuple[Step, Step] = Field((0, 28), title="Steps")
    of: ClassIndex = Field(2, title="Class")
    other: LayerKey = Field("", title="Compared with")
    word: str = Field("abc", pattern="^[a-z]+$", title="Lower case")


class EveryOptionPicture(Visualizer):
    """Says what was chosen."""

    name = "every-option"
    title = "Every option"
    handles = Handles(axes=("sample", "time", "unit"))
    Options = EveryOption
    how_to_read = "What was chosen stands above the charts."
    limitations = "It shows nothing else."

    def chart(
        self, activation: Activation, options: EveryOption, progress: ProgressReport
    ) -> dict[str, alt.Chart] | Refusal:
        progress(0.5, "half of it")
        if not options.shown:
            return Refusal("It was switched off.")
        frame = activation.sample(options.sample).to_frame()
        drag = alt.selection_interval(name="steps", encodings=["x"])
        click = alt.selection_point(name="unit", fields=["unit"])
        first = frame[frame["unit"].isin(options.units)]
        second = frame[frame["time"].between(*options.steps)]
        return {
            f"Steps {options.steps[0]} to {options.steps[1]}": alt.Chart(first)
            .mark_line()
            .encode(x="time:Q", y="value:Q", color="unit:N")
            .add_params(drag),
            f"Unit {options.unit}, class {options.of}, {options.word}, {options.other}": alt.Chart(second)
            .mark_bar()
            .encode(x="unit:O", y="mean(value):Q")
            .add_params(click),
        }


@hookimpl
def visualizers() -> list[Visualizer]:
    return [EveryOptionPicture()]
