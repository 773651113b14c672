import pytest

from core.analysis.unit_search import UnitQuery, parse_unit_query
from core.errors import InputRejected

DIGITS = tuple(map(str, range(10)))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("dead", UnitQuery(fault="dead")),
        (" Always  ON ", UnitQuery(fault="always on")),
        ("like this one", UnitQuery(like=("", 0))),
        ("unlike this", UnitQuery(like=("", 0), is_opposite=True)),
        ("like conv_2 5", UnitQuery(like=("conv_2", 5))),
        ("like block/conv channel 12", UnitQuery(like=("block/conv", 12))),
        ("8", UnitQuery(to=(8,))),
        ("answers to 8", UnitQuery(to=(8,))),
        ("answers to 8 and not to 3", UnitQuery(to=(8,), not_to=(3,))),
        ("to 8 or 9 but not 3, 4", UnitQuery(to=(8, 9), not_to=(3, 4))),
        ("units that respond to 1 not 7", UnitQuery(to=(1,), not_to=(7,))),
    ],
)
def test_what_is_meant(text, query):
    assert parse_unit_query(text, DIGITS) == query


def test_names_of_several_words_and_other_cases():
    names = ("Golden Retriever", "salt and pepper", "no entry")

    assert parse_unit_query("answers to golden retriever and not to salt and pepper", names) == UnitQuery(
        to=(0,), not_to=(1,)
    )
    assert parse_unit_query("no entry", names) == UnitQuery(to=(2,))


def test_what_is_not_known_is_said_with_what_can_be_written():
    with pytest.raises(InputRejected, match="no class “zebra”") as caught:
        parse_unit_query("answers to zebra", DIGITS)
    assert "answers to 0 and not to 9" in caught.value.remedy
    with pytest.raises(InputRejected, match="No class of these samples is known") as caught:
        parse_unit_query("8", ())
    assert "dead" in caught.value.remedy
