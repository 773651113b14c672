import numpy as np
import vl_convert

from core.plugins.registry import Registry

registry = Registry()
LSTM = ("LSTM", "RNN", "Layer")


def drawn(activation, **options):
    drawing = registry.draw("trajectories", activation, options)
    if drawing.pictures:
        assert vl_convert.vegalite_to_svg(drawing.specification).startswith("<svg")
    return drawing


def rows(drawing):
    found = [row for table in drawing.specification["datasets"].values() for row in table]
    return {(row["sample"], row["time"]): row for row in found}


def test_a_path_through_a_plane_is_found_again(make_activation):
    # A circle in 6 dimensions, of which PCA must find the two that matter.
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 2)))[0].T
    drawing = drawn(make_activation((circle @ directions)[None], bases=LSTM))
    path = [rows(drawing)[0, step] for step in range(24)]

    radii = [np.hypot(row["x"], row["y"]) for row in path]
    assert np.ptp(radii) < 1e-3
    assert "explain 50 % + 50 % of the variance" in str(drawing.specification["title"])


def test_padding_is_no_part_of_the_path(make_activation):
    mask = np.ones((3, 10), bool)
    mask[0, 6:] = False
    found = rows(drawn(make_activation("sample=3 time=10 unit=4", bases=LSTM, mask=mask), beside=1))

    assert [step for sample, step in found if sample == 0] == list(range(6))
    assert {sample for sample, _ in found} == {0, 1}


def test_the_slider_ends_at_the_last_step_and_space_turns(make_activation):
    activation = make_activation("sample=4 time=12 unit=5", bases=LSTM)
    for dimensions, sliders in ((2, {"step"}), (3, {"step", "yaw", "pitch"})):
        drawing = drawn(activation, dimensions=dimensions, colour_by="class")
        params = {param["name"]: param["bind"] for param in drawing.specification["params"] if "bind" in param}
        assert set(params) == sliders
        assert (params["step"]["min"], params["step"]["max"]) == (0, 11)
        assert drawing.selections == ("sample",)


def test_what_has_no_path_is_refused(make_activation):
    mask = np.ones((2, 6), bool)
    mask[0, 2:] = False

    assert "fewer than 3 timesteps" in drawn(make_activation("sample=2 time=6 unit", mask=mask, bases=LSTM)).refusal
    assert "NaN" in drawn(make_activation(np.full((2, 6, 3), np.nan), bases=LSTM)).refusal
    match = registry.get("trajectories").handles.match(make_activation("sample time=2 unit"))
    assert match.reason == "needs at least 3 timesteps"


def test_too_few_states_are_refused_in_words(make_activation):
    mask = np.array([[True, True, True, False, False]])
    padded = drawn(make_activation("sample=1 time=5 unit=4", bases=LSTM, mask=mask))
    short = drawn(make_activation("sample=1 time=3 unit=4", bases=LSTM))

    assert padded.refusal == "Only 3 timesteps are no padding, and it takes 5: open more samples."
    assert short.refusal == "It needs at least 5 states to place."
    assert drawn(make_activation("sample=2 time=3 unit=4", bases=LSTM)).pictures
