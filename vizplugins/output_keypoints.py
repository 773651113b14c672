"""Outputs that say where points are: coordinates, or a map of heat for each."""

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    charts,
    hookimpl,
    is_distribution,
)

_NAMES = ("keypoint", "keypoints", "landmark", "landmarks", "joint", "joints", "pose", "poses", "point", "points")
_HEAT = ("heat", "heatmap", "heatmaps")
_SMALLEST_SIDE = 8
_COVER = 0.65
_ONE_BY_ONE = 20
_POINT_COLOUR = "#e45756"


class Keypoints(OutputMeaning):
    """Places of points, drawn over the image."""

    name = "keypoints"
    title = "Keypoints"
    takes = "two numbers for each point, of a model that sees an image"
    loss_name = "mean distance"

    def match(self, output: OutputContext) -> float | str:
        """Take two numbers for each point, of a model that sees an image."""
        if not output.is_numeric or output.image is None:
            return "needs an image as input"
        named = output.sounds_like(*_NAMES)
        if output.values.ndim == 1:
            is_pairs = named and output.values.size % 2 == 0 and output.values.size > 0
            return LIKELY if is_pairs else "needs two numbers for each point"
        if output.values.ndim != 2 or output.shape[1] not in (2, 3):
            return "needs two numbers for each point"
        if output.shape[1] == 3 and not named:
            return POSSIBLE
        return CERTAIN if named else LIKELY

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the points over the image, and the true ones where they are known."""
        assert output.image is not None
        true = output.truth
        places, unit = _places(output, output.values, true)
        frame = pd.DataFrame(places, columns=["x", "y"]).assign(point=range(len(places)), **{"is": "answered"})
        if true is not None:
            wanted = pd.DataFrame(_places(output, true, true)[0], columns=["x", "y"])
            frame = pd.concat([frame, wanted.assign(point=range(len(wanted)), **{"is": "true"})])
        points = (
            alt.Chart(frame)
            .mark_point(filled=True, size=max(50, height // 2), stroke="white", strokeWidth=0.6, opacity=1)
            .encode(
                **charts.picture_place(),
                color=alt.Color(
                    "is:N",
                    legend=None,
                    scale=alt.Scale(domain=["answered", "true"], range=[_POINT_COLOUR, charts.TRUE_COLOUR]),
                ),
                shape=alt.Shape(
                    "is:N", legend=None, scale=alt.Scale(domain=["answered", "true"], range=["circle", "cross"])
                ),
                tooltip=[
                    alt.Tooltip("is:N"),
                    alt.Tooltip("point:Q"),
                    alt.Tooltip("x:Q", format=".3f"),
                    alt.Tooltip("y:Q", format=".3f"),
                ],
            )
        )
        error = self.loss(output)
        note = f"read as across, down, {unit}"
        if error is not None:
            note = f"mean distance from the true points (green) {charts.number_text(error)}; {note}"
        words = charts.count_text(len(places), "point")
        pixels = charts.picture_values(output.image[1])
        spoken = "; ".join(f"{charts.number_text(across)}, {charts.number_text(down)}" for across, down in places[:4])
        return MeaningAnswer(
            words, charts.over_picture(pixels, height, [points]), note, f"The model answers {words}: {spoken}."
        )

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean distance from the true points, in the unit of the output."""
        true = output.truth
        if true is None:
            return None
        pairs = [_pairs(each).astype(np.float64) for each in (output.values, true)]
        return float(np.linalg.norm(pairs[0] - pairs[1], axis=1).mean())


class Heatmaps(OutputMeaning):
    """A map of heat for each of some points, over the image; each map's hottest place is a point."""

    name = "heatmaps"
    title = "Heatmaps"
    takes = "a map for each point, of a model that sees an image"

    def match(self, output: OutputContext) -> float | str:
        """Take maps of a model that sees an image, which are no classes of pixels."""
        if not output.is_numeric or output.values.ndim != 3 or min(output.shape[:2]) < _SMALLEST_SIDE:
            return "needs a map for each point"
        if output.image is None:
            return "needs an image as input"
        if output.function == "softmax" or is_distribution(output.values):
            return "needs maps that are no probabilities of classes"
        if output.sounds_like(*_HEAT, *_NAMES):
            return CERTAIN + 0.02
        return LIKELY - 0.15 if output.is_sigmoid and output.shape[-1] > 1 else POSSIBLE

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the hottest of all maps at each place over the image, and where each map is hottest."""
        assert output.image is not None
        rows, columns, count = output.shape
        words = charts.count_text(count, "map")
        sound = np.isfinite(output.values)
        missing = int(sound.size - sound.sum())
        if missing == sound.size:
            return MeaningAnswer(words, None, "all of its numbers are NaN or infinite", f"The model answers {words}.")
        # What is no number is nowhere the hottest.
        values = np.where(sound, output.values.astype(np.float64), -np.inf)
        at, hottest = values.reshape(-1, count).argmax(axis=0), values.reshape(-1, count).max(axis=0)
        frame = pd.DataFrame({"x": (at % columns + 0.5) / columns, "y": (at // columns + 0.5) / rows})
        frame["map"], frame["heat"] = np.arange(count), hottest
        frame = frame[np.isfinite(hottest)]
        heat = values.max(axis=-1)
        there = heat[np.isfinite(heat)]
        low, high = float(there.min()), float(there.max())
        share = np.where(np.isfinite(heat), (np.maximum(heat, low) - low) / ((high - low) or 1), 0)
        marks = [
            alt.Chart(frame)
            .mark_point(filled=True, size=max(20, height // 3), color=_POINT_COLOUR, stroke="white", opacity=1)
            .encode(
                **charts.picture_place(),
                tooltip=[alt.Tooltip("map:Q"), alt.Tooltip("heat:Q", format=".4~g")],
            )
        ]
        if height > 200 and count <= _ONE_BY_ONE:
            marks.append(
                alt.Chart(frame)
                .mark_text(dx=9, align="left", color=_POINT_COLOUR, fontWeight="bold")
                .encode(**charts.picture_place(), text="map:N")
            )
        pixels = _under_heat(charts.picture_values(output.image[1]), share)
        best = "; ".join(f"{row.map}: {charts.number_text(row.heat)}" for row in frame.head(5).itertuples(index=False))
        of_all = charts.count_text(sound.size, "number")
        lost = f"; {missing:,} of {of_all} {'is' if missing == 1 else 'are'} NaN or infinite" if missing else ""
        which = "the hottest place" if count == 1 else f"the hottest place of each of {words}"
        return MeaningAnswer(
            words,
            charts.over_picture(pixels, height, marks),
            f"{which}; {charts.number_text(low)} to {charts.number_text(high)}{lost}",
            f"The model answers {words} of heat. Highest values: {best}.",
        )


def _pairs(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 2) if values.ndim == 1 else values[:, :2]


def _places(output: OutputContext, values: np.ndarray, true: np.ndarray | None) -> tuple[np.ndarray, str]:
    """Return places as shares of the image, and what they are given in: in one unit, that of the truth if known."""
    assert output.image is not None
    height, width = output.image[1].shape[:2]
    pairs = _pairs(values).astype(np.float64)
    told = pairs if true is None or not np.isfinite(_pairs(true)).any() else _pairs(true).astype(np.float64)
    if np.abs(told[np.isfinite(told)]).max(initial=0) > 2:
        return pairs / np.array([width, height]), "in pixels"
    return pairs, "from 0 to 1"


def _under_heat(pixels: np.ndarray, share: np.ndarray) -> np.ndarray:
    height, width = (max(pair) for pair in zip(pixels.shape[:2], share.shape, strict=True))
    down, across = np.arange(height), np.arange(width)
    grey = pixels[down * pixels.shape[0] // height][:, across * pixels.shape[1] // width].mean(axis=-1, keepdims=True)
    hot = share[down * share.shape[0] // height][:, across * share.shape[1] // width, np.newaxis]
    return np.rint(grey * (1 - _COVER * hot) + _COVER * hot * np.array([255.0, 190.0, 0.0])).astype(np.uint8)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Keypoints(), Heatmaps()]
