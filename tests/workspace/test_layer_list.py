"""The short list of layers: what folds into one entry, and what a person sees of it."""

import keras
import pytest

from core.workspace.layer_list import list_entries
from core.workspace.workspace import Workspace


def titles(entries):
    return ["  " * entry.depth + entry.title for entry in entries]


@pytest.fixture
def rows_of(tmp_path):
    def rows_of(names):
        layers = [keras.layers.Dense(3, name=name) for name in names]
        keras.Sequential([keras.Input((3,)), *layers]).save(tmp_path / "model.keras")
        workspace = Workspace()
        workspace.open_model(str(tmp_path / "model.keras"))
        workspace.take_noise(2, 0)
        return workspace.layers(0)

    return rows_of


BLOCKS = [
    "stem",
    "block_1_expand",
    "block_1_BN",
    "block_1_project",
    "block_2_expand",
    "block_2_BN",
    "block_2_add",
    "top",
]


def test_a_block_of_one_name_folds_but_the_one_that_holds_the_selected_layer(rows_of):
    entries = list_entries(rows_of(BLOCKS), "block_2_BN")
    assert titles(entries) == [
        "stem",
        "block_1",
        "block_2",
        "  block_2_expand",
        "  block_2_BN",
        "  block_2_add",
        "top",
    ]
    assert [(entry.count, entry.is_open) for entry in entries if entry.row is None] == [(3, False), (3, True)]


def test_an_entry_that_somebody_opened_is_open(rows_of):
    rows = rows_of(BLOCKS)
    block = next(entry for entry in list_entries(rows, "stem") if entry.row is None)
    opened = list_entries(rows, "stem", frozenset({block.key}))
    assert "  block_1_BN" in titles(opened)
    assert "  block_2_BN" not in titles(opened)


@pytest.mark.parametrize(
    "names",
    [
        ["conv2d", "conv2d_1", "conv2d_2", "conv2d_3"],
        ["dense_1", "dense_2", "dense_3"],
        ["encoder_1_a", "encoder_1_b", "decoder"],
    ],
)
def test_what_is_only_numbered_or_few_does_not_fold(rows_of, names):
    assert titles(list_entries(rows_of(names), names[0])) == names


def test_a_part_with_more_blocks_in_it_folds_block_by_block(rows_of):
    names = [f"conv2_block{block}_{part}_conv" for block in (1, 2, 3) for part in range(6)]
    entries = list_entries(rows_of(["stem", *names]), "stem")
    assert titles(entries) == ["stem", "conv2_block1", "conv2_block2", "conv2_block3"]


def test_operations_that_only_make_a_mask_are_one_entry(tmp_path):
    workspace = Workspace()
    workspace.open_example("reviews-transformer")
    entries = list_entries(workspace.layers(0), "encoded_words")
    helpers = next(entry for entry in entries if entry.row is None)
    assert (helpers.title, helpers.is_open) == ("9 helper operations", False)
    assert "not_equal" not in titles(entries)
    assert "  not_equal" in titles(list_entries(workspace.layers(0), "not_equal"))
