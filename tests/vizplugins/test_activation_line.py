import numpy as np
import vl_convert

from core.plugins.registry import Registry

registry = Registry()


def drawn(activation, **options):
    drawing = registry.draw("activation-line", activation, options)
    assert vl_convert.vegalite_to_svg(drawing.specification).startswith("<svg")
    return drawing


def bars(drawing):
    return max(drawing.specification["datasets"].values(), key=len)


def test_a_bar_from_zero_for_each_unit_in_order(make_activation):
    values = np.array([[0.5, -2, 3, 0], [9, 9, 9, 9]])
    drawing = drawn(make_activation(values))

    assert [(bar["low"], bar["high"]) for bar in bars(drawing)] == [(0, 0.5), (-2, 0), (0, 3), (0, 0)]
    assert drawing.specification["title"]["text"] == "4 units of layer; unit 2 is 3"
    assert drawing.selections == ("unit",)


def test_the_chosen_unit_is_marked(make_activation):
    drawing = drawn(make_activation(np.array([[0.5, -2, 3, 0]])), unit=3)

    assert [bar["unit"] for bar in bars(drawing) if bar["chosen"]] == [3]
    assert {bar["name"] for bar in bars(drawing)} == {"unit 3"}


def test_of_many_units_a_bar_holds_several_and_a_click_takes_the_furthest_from_zero(make_activation):
    values = np.zeros((1, 100_000), np.float32)
    values[0, 77_777], values[0, 12_345] = 5, -7
    drawing = drawn(make_activation(values), unit=99_999)

    assert len(bars(drawing)) == 400
    assert {bar["unit"]: bar["highest"] for bar in bars(drawing)}[77_777] == 5
    assert {bar["unit"]: bar["lowest"] for bar in bars(drawing)}[12_345] == -7
    assert bars(drawing)[-1]["chosen"]
    assert "250 units a bar" in drawing.specification["title"]["subtitle"]


def test_what_is_no_number_gets_no_bar_and_is_counted(make_activation):
    drawing = drawn(make_activation(np.array([[1, np.nan, np.inf]])))

    assert [bar["activation"] for bar in bars(drawing)] == [1, None, None]
    assert "2 of 3 values are NaN or infinite" in drawing.specification["title"]["subtitle"]
