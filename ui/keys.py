"""The keys by which Streamlit tells one widget or chart from another, and keeps what is chosen in it.

Each stands here once, so that no two are the same by accident. A key that names a model, an input or a layer makes a
new widget for another one, which begins at its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

# The address, and the button that copies it.
ADDRESS: Final = "address"
ADDRESS_KEEPER: Final = "address_keeper"
SHARE: Final = "share"

NARROW_NAVIGATION: Final = "narrow_navigation"
LIVE: Final = "live"
RECORDING: Final = "recording"
RECORD: Final = "record"
SAVE_RECORDING: Final = "save_recording"

# The model, in the sidebar.
MODEL_POPOVER: Final = "model_popover"
MODEL_KIND: Final = "model_kind"
EXAMPLE: Final = "example"
MODEL_FILE: Final = "model_file"
MODEL_PATH: Final = "model_path"
WEIGHTS_PATH: Final = "weights_path"

# The step of a recorded training, in the sidebar and on its page.
RUN_STEP: Final = "run_step"
TRAINING_STEP: Final = "training/step"
TRAINING_MEASURE: Final = "training/measure"
TRAINING_LAYER: Final = "training/layer"
TRAINING_PART: Final = "training/part"
TRAINING_EXAMPLE: Final = "training/example"
SECOND_RUN_PATH: Final = "training/second_path"
SECOND_RUN_FILE: Final = "training/second_file"
SECOND_RUN_AWAY: Final = "training/second_away"
TRAINING_CHARTS: Final = "training_charts"
TRAINING_FILM: Final = "film"

# Its samples, in the sidebar.
SAMPLES_POPOVER: Final = "samples_popover"
TEXT: Final = "text"
NOISE_SEED: Final = "noise_seed"
FIT: Final = "fit"
INVERT: Final = "invert"

# The list of layers, in the sidebar.
LAYER_SEARCH: Final = "layer_search"
ONLY_NOTED: Final = "only_noted"
LAYERS_AS: Final = "layers_as"
LAYER_ROWS: Final = "layer_rows"
LAYER_MAP: Final = "map"
LAYER_BEFORE: Final = "layer_before"
LAYER_AFTER: Final = "layer_after"

# The strip above every page.
STRIP: Final = "strip"
STRIP_INPUT: Final = "strip_input"
STRIP_VALUES: Final = "strip_values"
STRIP_ANSWER: Final = "strip_answer"
STRIP_SAMPLES: Final = "strip_samples"
SAMPLE: Final = "sample"
SAMPLE_BEFORE: Final = "sample_before"
SAMPLE_AFTER: Final = "sample_after"
OUTPUT: Final = "output"
ANSWER_CHART: Final = "answer"
ANSWER_LINE: Final = "answer_line"
RUN_ALL_SAMPLES: Final = "run_all_samples"
SAMPLE_FILTER: Final = "sample_filter"
ONLY_WRONG: Final = "only_wrong"
SAMPLE_CLASS: Final = "sample_class"
SAMPLE_TEXT: Final = "sample_text"
SAMPLE_ORDER: Final = "sample_order"

# What is pinned.
PINS: Final = "pins"
PIN_PARTS: Final = "pin_parts"
PIN_NAME: Final = "pin_name"
REPORT: Final = "report"
REPORT_LINE: Final = "report_line"
REPORT_NOTE: Final = "report_note"
MAKE_REPORT: Final = "make_report"
SAVE_REPORT: Final = "save_report"
SIDE_BY_SIDE: Final = "side_by_side"
BESIDE_END: Final = "beside_end"

# One layer.
LAYER_LINE: Final = "layer_line"
UNIT: Final = "unit"
PICTURES: Final = "pictures"
PICTURE_AND_OPTIONS: Final = "picture_and_options"
PICTURE_PLACE: Final = "picture_place"
OPTIONS_PLACE: Final = "options_place"
SAVE_AS: Final = "save_as"
COPY_AS_CODE: Final = "copy_as_code"

# A look at a file that was refused.
FILE_LAYERS: Final = "file_layers"
FILE_WEIGHTS: Final = "file_weights"
FILE_MAP: Final = "file_map"

# The health page.
REJECTIONS: Final = "plugins/rejections"
REJECTING_LAYER: Final = "plugins/layer"
MATCHED_MEANINGS: Final = "plugins/meanings"
MATCHED_OUTPUT: Final = "plugins/output"
WRONG_SAMPLES: Final = "health/wrong"
ALL_WRONG_SAMPLES: Final = "health/all_wrong"
VERIFY: Final = "health/verify"
VERIFIED: Final = "health/verified"
CLASS_MEANS_LAYER: Final = "class_means_layer"

# The maximize page.
SEARCH_LAYER: Final = "maximize/layer"
SEARCH_KIND: Final = "maximize/kind"
SEARCH_UNIT: Final = "maximize/unit"
SEARCH_STOP: Final = "maximize/stop"
SEARCH_MORE: Final = "maximize/more"
SEARCH_AGAIN: Final = "maximize/again"
SEARCH_REGION: Final = "maximize/region"
SEARCH_EVERYWHERE: Final = "maximize/everywhere"
SEARCH_FROM_STRONGEST: Final = "maximize/from_strongest"
SEARCH_BARS: Final = "maximize/bars"
GALLERY_START: Final = "gallery/start"
GALLERY_STOP: Final = "gallery/stop"
GALLERY_MORE: Final = "gallery/more"

# The page of a unit.
UNIT_HEAD: Final = "unit_head"
UNIT_NUMBER: Final = "unit/number"
UNIT_BEFORE: Final = "unit_before"
UNIT_AFTER: Final = "unit_after"
UNIT_SEARCH: Final = "unit/find"
UNIT_SEARCH_START: Final = "unit/look"

# The edit page.
EDIT_UNDO: Final = "edit/undo"
EDIT_REDO: Final = "edit/redo"
EDIT_RESTART: Final = "edit/restart"
EDIT_COLUMNS: Final = "edit_columns"  # named in style.css
EDIT_VERDICT: Final = "edit_verdict"
EDIT_LAYER: Final = "edit_layer"
KEEP_VARIANT: Final = "edit/keep"

# The compare page.
COMPARISON_KIND: Final = "compare_kind"
OTHER_MODEL: Final = "compared_model"
OTHER_MODEL_FILE: Final = "compared_file"
FLIPPED_SAMPLES: Final = "compare/flipped"
TOLERANCE: Final = "compare/tolerance"
SECOND_SAMPLE: Final = "compared_second"
FITTED_CHART: Final = "fitted_chart"  # named in style.css: it is drawn smaller where it does not fit
SIMILARITY: Final = "similarity"
COMPARED_LAYER: Final = "compared_layer"


def unit_part(number: int) -> str:
    """Return the key of a place on the page of a unit, by its number."""
    return f"unit_part_{number}"


def unit_picture(layer: str, unit: int, visualizer: str) -> str:
    """Return the key of a picture on the page of a unit."""
    return f"unit/picture/{layer}/{unit}/{visualizer}"


def unit_chart(layer: str, unit: int, visualizer: str, number: int, version: int, sample: int | None) -> str:
    """Return the key of one of several charts of such a picture, see :func:`picture_chart`."""
    return f"unit/{picture_chart(layer, visualizer, number, version, sample)}/{unit}"


def unit_match(layer: str, unit: int) -> str:
    """Return the key of a unit in the list of those that were looked for."""
    return f"unit/match/{layer}/{unit}"


def fitted(name: str) -> str:
    """Return the key of a place whose charts are drawn smaller where they do not fit; named in style.css."""
    return f"{FITTED_CHART}_{name}"


def meaning(taken_for: str) -> str:
    """Return the key of the menu of meanings while the output is taken for one of them."""
    return f"meaning/{taken_for}"


def fresh(key: str, version: int) -> str:
    """Return the key of a field that starts afresh with each version.

    A field that is not on the screen, as in a popover that is closed, does not take a value that the script sets: the
    browser would send the old one again.
    """
    return f"{key}/{version}" if version else key


def model_member(field: str, identity: tuple[Any, ...]) -> str:
    """Return the key of the choice among several models in what was given in a field."""
    return f"{field}/member/{hash(identity)}"


def shown_model(names: Sequence[str], version: int) -> str:
    """Return the key of the choice among the models that a Python process shows."""
    return fresh(f"shown_model/{hash(tuple(names))}", version)


def look_at_file(file: str) -> str:
    """Return the key of the button that opens a look at a file that was refused."""
    return f"look/{file}"


def trust_modules(place: str) -> str:
    """Return the key of the button that trusts modules, in a place of the page."""
    return f"trust/{place}/modules"


def trust_upload(place: str, names: str) -> str:
    """Return the key of the field for the file that defines what is missing, in a place of the page."""
    return f"trust/{place}/upload/{names}"


def trust_lambda(place: str) -> str:
    """Return the key of the button that trusts a file's own code, in a place of the page."""
    return f"trust/{place}/lambda"


def input_kind(model: str, example: str, own_samples: str) -> str:
    """Return the key of the choice where the input is from: for a model, and for the samples that came with it."""
    return f"input_kind/{model}/{example}/{own_samples}"


def data_files(model: str, input_name: str) -> str:
    """Return the key of the field for the data of an input."""
    return f"data/{model}/{input_name}"


def sampling_rate(model: str) -> str:
    """Return the key of the field for a model's sampling rate."""
    return f"sampling_rate/{model}"


def letters(model: str) -> str:
    """Return the key of the field for the letters of a one-hot input."""
    return f"letters/{model}"


def scaling(model: str, version: int) -> str:
    """Return the key of the choice what the pixels of images become."""
    return fresh(f"scaling/{model}", version)


def scale_arrays(model: str, version: int) -> str:
    """Return the key of the choice whether the numbers in arrays are scaled as pixels are."""
    return fresh(f"scale_arrays/{model}", version)


def taken_for(model: str, input_name: str) -> str:
    """Return the key of the choice what an input is taken for."""
    return f"kind/{model}/{input_name}"


def noise_size(model: str, input_name: str, axis: str) -> str:
    """Return the key of the size of noise along an axis."""
    return f"size/{model}/{input_name}/{axis}"


def class_names(model: str) -> str:
    """Return the key of the field for the names of classes."""
    return f"class_names/{model}"


def label_role(model: str, origin: str, roles: Sequence[str], role: str) -> str:
    """Return the key of the choice what the labels are; with the role in it, or it would keep that of others."""
    return f"label_role/{model}/{origin}/{'-'.join(roles)}/{role}"


def layer_map(selected: str) -> str:
    """Return the key of the map of layers: a new one for another selected layer, see :func:`sample_strip`."""
    return f"map/{selected}"


def layer_part(layer: str) -> str:
    """Return the key of the choice what of a layer is looked at."""
    return f"part/{layer}"


def picture_group(layer: str) -> str:
    """Return the key of the choice of a group of pictures."""
    return f"group/{layer}"


def picture(layer: str, group: str) -> str:
    """Return the key of the choice of a picture within a group."""
    return f"tab/{layer}/{group}"


def picture_chart(layer: str, visualizer: str, number: int, version: int, sample: int | None, side: str = "") -> str:
    """Return the key of one of the charts of a picture: a new one where a unit was chosen elsewhere.

    Likewise for another sample where the chart chooses samples, see :func:`sample_strip`; ``sample`` is None elsewhere.
    Of pictures beside each other ``side`` tells which it is.
    """
    of_sample = "" if sample is None else f"/{sample}"
    return f"chart/{layer}/{visualizer}/{number}/{version}{of_sample}{side and f'/{side}'}"


def side(which: str) -> str:
    """Return the key of the place of one of several pictures beside each other."""
    return f"side_{which}"


def pin(what: str, name: str, version: int) -> str:
    """Return the key of a field or button of a pin."""
    return f"pin/{what}/{name}/{version}"


def save_as(form: str) -> str:
    """Return the key of the button that saves a picture or its values in a form."""
    return f"save/{form}"


def input_chart(name: str) -> str:
    """Return the key of the chart of an input."""
    return f"input/{name}"


def rescale(name: str) -> str:
    """Return the key of the button that prepares the data of an input as the model expects them."""
    return f"rescale/{name}"


def sample_strip(place: str, samples: Sequence[int], selected: int) -> str:
    """Return the key of the thumbnails of samples, in a place of the page: a new one for another selected one.

    Streamlit does not tell of a click on what was clicked last, whatever was selected elsewhere in the meantime.
    """
    return f"{place}/{hash(tuple(samples))}/{selected}"


def option(scope: str, name: str) -> str:
    """Return the key of the control of an option, within the layer and visualizer that ``scope`` names."""
    return f"option/{scope}/{name}"


def training_chart(what: str, number: int, measure: str, layer: str, step: int | None) -> str:
    """Return the key of a chart of a training: a new one for another layer and step, as a click must count again."""
    return f"training/{what}/{number}/{measure}/{layer}/{step}"


def training_alarm(number: int) -> str:
    """Return the key of the button that goes to an alarm."""
    return f"training/alarm/{number}"


def training_films(part: str) -> str:
    """Return the key of the choice of a picture over the steps."""
    return f"training/films/{part}"


def training_film(layer: str, part: str, visualizer: str, number: int, version: int, step: int | None) -> str:
    """Return the key of one of the charts of such a picture, see :func:`training_chart`."""
    return f"training/film/{layer}/{part}/{visualizer}/{number}/{version}/{step}"


def findings(report: tuple[Any, ...]) -> str:
    """Return the key of the table of what is wrong, which begins without a row for another model or other samples."""
    return f"findings/{hash(report)}"


def confusion(report: tuple[Any, ...], version: int) -> str:
    """Return the key of the confusion matrix: without a cell for another model, other samples and each version."""
    return f"health/confusion/{hash(report)}/{version}"


def class_means(report: tuple[Any, ...], layer: str, unit: int | None, target_class: int | None) -> str:
    """Return the key of the chart of a layer's means by class; with what is selected, as a click must count again."""
    return f"class_means/{hash(report)}/{layer}/{unit}/{target_class}"


def compared_answer(sample: int) -> str:
    """Return the key of the chart of what is answered to a sample that is compared."""
    return f"compare/answer/{sample}"


def compared_input(sample: int, input_name: str) -> str:
    """Return the key of what goes in of one of two samples."""
    return f"compare/input/{sample}/{input_name}"


def distances(selected: str) -> str:
    """Return the key of the bars of how far layers differ: a new one for another layer, see :func:`sample_strip`."""
    return f"distances/{selected}"


def compared_layer_chart(layer: str) -> str:
    """Return the key of the chart of one layer of both models or samples."""
    return f"compared/{layer}"


def search_curve(serial: int) -> str:
    """Return the key of the curve of a search."""
    return f"maximize/curve/{serial}"


def search_settings(layer: str, version: int) -> str:
    """Return the scope of the settings of a search, which is another one for each layer and version."""
    return f"maximize/{layer}/{version}"


def answer_to_drag(layer: str, sample: int, version: int) -> str:
    """Return the key of the chart of an answer to drag over, which begins without a region for each version."""
    return f"maximize/answer/{layer}/{sample}/{version}"


def search_result(number: int) -> str:
    """Return the key of the chart of an input that was found."""
    return f"maximize/found/{number}"


def strongest_samples(layer: str, unit: int | None, selected: int) -> str:
    """Return the key of the chart of the samples that excite a unit, or all of a layer, the most.

    A new one for another selected sample, see :func:`sample_strip`.
    """
    return f"excited/{layer}/{unit}/{selected}"


def gallery(layer: str, serial: int, selected: int | None) -> str:
    """Return the key of the chart of what all units of a layer look for: likewise a new one for another unit."""
    return f"gallery/{layer}/{serial}/{selected}"


def edit_canvas(input_name: str) -> str:
    """Return the key of the picture of an input that is drawn on."""
    return f"edit/canvas/{input_name}"


def edit_field(what: str, *of: object) -> str:
    """Return the key of a field of the page Edit: for each input, feature, word or unit another one."""
    return "/".join(map(str, ("edit", what, *of)))


def edited_input(name: str) -> str:
    """Return the key of the chart of an edited input."""
    return f"edit/input/{name}"


def edited_answer(when: str) -> str:
    """Return the key of the chart of an answer, before or after an edit."""
    return f"edit/answer/{when}"


def edited_layer(layer: str) -> str:
    """Return the key of the chart of a layer before and after."""
    return f"edit/layer/{layer}"


def edit_bars(selected: str) -> str:
    """Return the key of the bars of how far layers move: a new one for another layer, see :func:`sample_strip`."""
    return f"edit/bars/{selected}"


def variant_name(sample: int, count: int) -> str:
    """Return the key of the field for the name of a variant, which is empty again for the next one."""
    return f"variant/name/{sample}/{count}"


def variant(position: int) -> str:
    """Return the key of the button that selects a variant."""
    return f"variant/{position}"


def remove_variant(position: int) -> str:
    """Return the key of the button that takes a variant away."""
    return f"variant/{position}/remove"
