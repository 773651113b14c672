"""Conditions under which a report fails: how they are written, and what comes of them."""

import pytest

from core.errors import InputRejected
from core.report.conditions import MEASURES, failures, judge, parse_condition
from core.report.numbers import LayerNumbers, ReportNumbers


def numbers(layers=(), **settings):
    known = {
        "model": {},
        "compared": "",
        "data": "",
        "sample_count": 20,
        "judged_count": 20,
        "accuracy": 0.8,
        "loss": 0.5,
        "loss_name": "mean cross-entropy",
        "comparison_refusal": "",
        "layers": layers,
        "findings": (),
        "has_enough_samples": True,
        "versions": {},
    }
    return ReportNumbers(**known | settings)


def layer(name, drift=None, change=None, **shares):
    return LayerNumbers(name, "Dense", "4", 10, {"not finite": 0.0, **shares}, drift, 1.0, change)


LAYERS = (layer("first", dead=0.1, drift=-4.0, change=0.2), layer("second", dead=0.3, drift=1.0, change=float("inf")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dead>20%", ("dead", ">", 0.2)),
        (" dead >= 0.25 ", ("dead", ">=", 0.25)),
        ("nan", ("nan", ">", 0.0)),
        ("NaN", ("nan", ">", 0.0)),
        ("not finite>1%", ("nan", ">", 0.01)),
        ("always on>50%", ("always-on", ">", 0.5)),
        ("drift>3", ("drift", ">", 3.0)),
        ("accuracy<0.9", ("accuracy", "<", 0.9)),
        ("loss>1e-3", ("loss", ">", 1e-3)),
    ],
)
def test_how_they_are_written(text, expected):
    condition = parse_condition(text)

    assert (condition.name, condition.sign, condition.limit) == (expected[0], expected[1], pytest.approx(expected[2]))
    assert condition.text == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ded>20%", "did you mean 'dead'"),
        ("colour", "There are: nan, dead,"),
        ("dead>20", "Write dead>20%"),
        ("drift", "such as drift>3"),
        ("accuracy", "such as accuracy<0.9"),
        ("drift>3%", "no share"),
        ("dead=3", "no condition"),
        ("", "no condition"),
    ],
)
def test_what_is_written_otherwise_is_refused_with_what_can_be_written(text, said):
    with pytest.raises(InputRejected, match=said):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        ("dead>20%", "failed", "Dead units in second (30 %)."),
        ("dead>30%", "held", "The most is 30 %, in second."),
        ("dead", "failed", "Dead units in second (30 %), first (10 %)."),
        ("nan", "held", "The most is 0 %, in first."),
        ("drift>3", "failed", "What goes in lies elsewhere than in training, in first (4 σ)."),
        ("change>1", "failed", "It differs from the second model, in second"),
        ("saturated>10%", "held", "This model has no layer of which it could be true."),
        ("accuracy<0.9", "failed", "The accuracy is 80 % over 20 samples."),
        ("accuracy<0.8", "held", "The accuracy is 80 % over 20 samples."),
        ("loss>0.4", "failed", "The mean cross-entropy is 0.5 over 20 samples."),
    ],
)
def test_what_comes_of_them(text, outcome, said):
    verdict = judge(parse_condition(text), numbers(LAYERS))

    assert verdict.outcome == outcome
    assert said in verdict.text
    assert verdict.passed == (outcome == "held")


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("accuracy<0.9", {"accuracy": None}, "no labels"),
        ("loss>1", {"loss": None}, "no labels"),
        ("drift>3", {}, "No layer keeps statistics of training"),
        ("change>1", {}, "no second model"),
        ("change>1", {"comparison_refusal": "3 samples are too few to compare layers."}, "too few to compare"),
        ("dead>1%", {"has_enough_samples": False, "sample_count": 4}, "4 samples are too few"),
    ],
)
def test_what_could_not_be_checked_has_not_passed(text, settings, said):
    verdict = judge(parse_condition(text), numbers((layer("first"),), **settings))

    assert verdict.outcome == "not checked"
    assert said in verdict.text
    assert not verdict.passed
    assert failures([verdict]) == [f"{text}: could not be checked. {verdict.text}"]


def test_each_measure_can_be_asked_for():
    for name in MEASURES:
        condition = parse_condition(f"{name}>0.5")
        assert judge(condition, numbers(LAYERS)).text
