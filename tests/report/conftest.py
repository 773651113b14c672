"""A small model with names that would do harm in a page, and with faults; opened once for the tests of reports."""

import numpy as np
import pytest

HARM = "</script><script>document.title='harmed'</script><img src=x onerror=\"document.title='harmed'\">"
LAYER = "<img src=x onerror=alert(1)>"


def small_model(seed=0, dead=8):
    import keras

    keras.utils.set_random_seed(seed)
    given = keras.Input((6,), name="numbers")
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(given)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Dense(5, activation="tanh", name=LAYER)(hidden)
    answer = keras.layers.Dense(3, activation="softmax", name="answer")(hidden)
    model = keras.Model(given, answer, name="small")
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[:, :dead], bias[:dead] = 0, -1
    model.get_layer("hidden").set_weights([kernel, bias])
    gamma, beta, mean, variance = model.get_layer("norm").get_weights()
    # As after a training on numbers that were larger.
    model.get_layer("norm").set_weights([gamma, beta, mean + 5, variance])
    return model


@pytest.fixture(scope="session")
def reported_samples():
    random = np.random.default_rng(0)
    return random.normal(size=(40, 6)).astype(np.float32), np.arange(40) % 3


@pytest.fixture(scope="session")
def workspace(reported_samples):
    """A workspace with the small model, labelled samples, and another one to compare with."""
    from core.workspace.shown_models import ShownModels
    from core.workspace.workspace import Workspace

    inputs, labels = reported_samples
    shown = ShownModels()
    shown.add(small_model(), inputs, labels, (HARM, "b", "c"), name="small")
    shown.add(small_model(1), inputs, name="other")
    opened = Workspace(shown=shown)
    opened.open_shown("small")
    opened.compare_with_shown("other")
    return opened


@pytest.fixture(scope="session")
def page(workspace):
    """The page of a report with a note and pins."""
    from core.report.choices import ReportChoices, ReportPin
    from core.report.making import make_report
    from core.report.page import page_of

    pins = [
        ReportPin("strong", f"Look here. {HARM}", sample=3, layer="hidden", unit=9, visualizer="activation-line"),
        ReportPin(HARM, sample=2, misfit="It is of another model."),
        ReportPin("both", layer="answer", is_other_model=True),
    ]
    choices = ReportChoices(pins=pins, title=f"A title {HARM}", note=f"First line\n{HARM}", data=HARM)
    return page_of(make_report(workspace, choices))
