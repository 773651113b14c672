"""Opens model files: .keras, .h5 of Keras 2 and 3, SavedModel folders and zips.

Every file is read by ``core.models.inspection`` before Keras sees it, and what is then loaded is written here from the
parts that were checked, so that the one who checks and the one who loads cannot see two different files. Keras is
imported inside the functions: it takes seconds, and whoever only reads a file does not need it.
"""

import copy
import json
import math
import os
import re
import tempfile
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from pydantic import ByteSize

from core.common.limits import Limits, format_limit, get_limits, raised_by
from core.common.memory import ran_out_of_memory
from core.common.text import safe_name
from core.errors import ModelRefused, ModelTooLarge
from core.models import keras2
from core.models.archives import rewrite_keras_model
from core.models.channel_bias import with_bias_along_channels
from core.models.code_needs import code_needed
from core.models.configuration import BY_HAND, check_configuration, check_counts
from core.models.copies import Source, content_key, staged_copy
from core.models.inspection import LocatedModel, ModelFile, inspect_located, located_model, unpacked_model
from core.models.keras2_operations import check_types
from core.models.lambda_code import functions_of_lambdas
from core.models.other_loaders import ModelFileCopy, load_by_others, load_other_kind
from core.models.saved_model.opening import chosen_signature, model_of_saved_model
from core.models.sizes import Sizes, check_limits
from core.models.stored_weights import weights_as_stored
from core.models.trust import NO_TRUST, Trust
from core.models.trusted_code import TrustedObjects

if TYPE_CHECKING:
    import keras

__all__ = ["LoadedModel", "content_key", "load_model", "load_model_file"]


_FAILING_CODE: Final = (
    "It runs without network, and sees no files but its own. Put what it needs into a class of your own, or load the "
    "model in Python and pass it to layerscope.show."
)


@dataclass(frozen=True)
class LoadedModel:
    """A model, with what its file said of itself.

    Attributes:
        model: The Keras model, not compiled.
        file: What was read from the file before.
        trusted: What it uses beyond Keras because somebody trusts it, in words: ``"TCN of tcn"``, ``"code of its
            own"``.
    """

    model: "keras.Model"
    file: ModelFile
    trusted: tuple[str, ...] = ()


def load_model(
    source: Source,
    *,
    name: str = "",
    custom_objects: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    member: str = "",
    trust: Iterable[str | os.PathLike[str] | ModuleType] = (),
) -> "keras.Model":
    """Opens a model file.

    Args:
        source: Path of a .keras, .h5 or .tflite file, of an unpacked .keras or SavedModel folder, of an architecture as
            ``model.to_json()`` writes it, or of a zip or folder that holds one of these at any depth; or the content of
            such a file, as bytes or as an open binary file.
        name: What to call it in messages; the last part of its path if left empty.
        custom_objects: Classes and functions that the file names and that did not come with Keras, by name.
        weights: Path of the weights, where ``source`` is an architecture alone.
        member: Path of the model that is meant, where ``source`` holds several.
        trust: Whose code the file may use besides, as far as it names it: names of installed modules
            (``"keras_hub"``), paths of Python files or packages (``"my_layers.py"``), modules themselves, and
            ``"lambda"`` for the code that Lambda layers hold. It runs in this process.

    Returns:
        The model, not compiled. A SavedModel comes back as a model with one layer around its serving signature, a
        TensorFlow Lite file as one whose layers are its operators.

    Raises:
        SeveralModels: There are several models and none was named.
        ModelTooLarge: It needs more memory than there is.
        CodeNeeded: It needs code that is neither Keras', nor in ``custom_objects``, nor trusted.
        ModelRefused: The file is of no known kind, damaged, or would have to run code to be opened.
        InputRejected: What is trusted is not there.
    """
    return load_model_file(
        source, name=name, custom_objects=custom_objects, weights=weights, member=member, trust=Trust.of(trust)
    ).model


def load_model_file(
    source: Source,
    *,
    name: str = "",
    custom_objects: Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    member: str = "",
    trust: Trust = NO_TRUST,
) -> LoadedModel:
    """Open a model file and return what it said of itself too; arguments and errors are those of ``load_model``."""
    import keras

    objects = TrustedObjects(custom_objects or {}, trust)
    limits = get_limits()
    with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        path, file_name = staged_copy(source, weights, member, Path(folder), limits)
        name = safe_name(name or file_name)
        model, whose, failures = load_other_kind(ModelFileCopy(name, path, name))
        if model is not None:
            return LoadedModel(model, ModelFile("other", name=name), (whose,) if whose else ())
        stack.enter_context(_failures_told(failures))
        location = stack.enter_context(located_model(path, name=name, limits=limits, member=member))
        location = unpacked_model(location, Path(folder) / "unpacked")
        file = objects.supply(lambda: inspect_located(location, objects.allowed, limits))
        build = {
            "keras": _load_keras,
            "hdf5": _load_hdf5,
            "architecture": _load_architecture,
            "saved_model": _load_saved_model,
            "tflite": _load_lite,
            "frozen_graph": _load_frozen_graph,
        }[file.kind]
        stack.enter_context(_in_our_words(file, limits, objects))
        config = objects.supply(lambda: _translate(file, objects.allowed)) if _is_translated(file) else file.config
        config, lambdas = objects.supply(lambda: functions_of_lambdas(config, name, objects.by_name))
        # One scope for all: an inner scope of Keras hides the outer one.
        scope = {**objects.by_name, **lambdas, keras2.HARD_SIGMOID: keras2.hard_sigmoid}
        stack.enter_context(keras.saving.custom_object_scope(scope))
        stack.enter_context(warnings.catch_warnings())
        # Keras advises the author of a model, who is not the one opening it.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"keras\.")
        model = build(location, file, Path(folder) / "written", config)
        if _is_translated(file):
            check_types(model)
        if lambdas:
            _check_that_code_runs(model, name)
        code = ["code of its own"] if lambdas else []
        return LoadedModel(with_bias_along_channels(model), file, (*dict.fromkeys(objects.used), *code))


@contextmanager
def _failures_told(failures: Collection[str]) -> Iterator[None]:
    """Says in a refusal which plugins failed on the file before."""
    try:
        yield
    except ModelRefused as error:
        if failures:
            error.message = " ".join((*failures, error.message))
        raise


def _check_that_code_runs(model: Any, name: str) -> None:
    """Refuses a Sequential whose code raises, which Keras leaves without inputs and says nothing about."""
    import keras

    first = next((layer for layer in getattr(model, "_layers", ()) if isinstance(layer, keras.layers.InputLayer)), None)
    if not isinstance(model, keras.Sequential) or getattr(model, "inputs", None) or first is None:
        return
    shape = first.batch_shape
    for layer in model.layers:
        try:
            shape = layer.compute_output_shape(shape)
        except Exception as error:
            cause = error.__context__ or error
            why = f"{type(cause).__name__}: {safe_name(cause)}"
            raise ModelRefused(
                f"The layer '{safe_name(layer.name)}' in {name} runs code that fails: {why}.", remedy=_FAILING_CODE
            ) from cause


def _is_translated(file: ModelFile) -> bool:
    return file.is_legacy and file.kind not in ("saved_model", "tflite", "frozen_graph")


@contextmanager
def _in_our_words(file: ModelFile, limits: Limits, objects: TrustedObjects) -> Iterator[None]:
    """Turns errors of Keras, which print whole configurations, into one sentence; the original stays as the cause."""
    name = file.name
    try:
        yield
    except ModelRefused:
        raise
    except Exception as error:
        if ran_out_of_memory(error):
            raise _too_large(file, limits) from error
        message = str(error)
        if objects.supplied:
            # Whoever trusted the code may have another version of it to trust.
            why = f"{type(error).__name__}: {_cause_of(message)}"
            what = f"{name} could not be made with {', '.join(objects.used)}: {why}"
            refusal = code_needed(name, what, tuple(objects.supplied))
            refusal.remedy = "Mend the code, or give the version of it that the model was saved with."
            raise refusal from error
        if isinstance(error, NotImplementedError) and error.__context__ and "Lambda" in message:
            what = f"holds code that fails: {type(error.__context__).__name__}: {safe_name(error.__context__)}"
            remedy = _FAILING_CODE
        elif "Unknown layer" in message or "Could not locate" in message or "cannot be imported" in message:
            what = "names a class that Keras does not know"
            remedy = "Trust the module or file that holds it, see --trust, or pass the class in custom_objects."
        elif any(word in message for word in ("mismatch", "expected", "expects", "A total of", "Shape")):
            what, remedy = "holds weights that do not fit its layers", "Save the model again."
            if file.kind == "architecture":
                what = "do not belong together: the weights are not those of this architecture"
                remedy = "Give the architecture and the weights that were saved together."
        elif "deserializ" in message or isinstance(error, TypeError | ValueError | KeyError | AttributeError):
            what, remedy = "holds layers that this version of Keras cannot rebuild", BY_HAND
        else:
            what, remedy = f"could not be opened ({type(error).__name__})", BY_HAND
        raise ModelRefused(f"{name} {what}.", remedy=remedy) from error


def _cause_of(message: str) -> str:
    """What a layer raised, of the paragraph that Keras makes of it: it stands there in bold."""
    bold = re.search(r"\x1b\[1m(.*?)\x1b\[0m", message, re.DOTALL)
    return safe_name(bold[1] if bold else message.partition("\n")[0])


def _too_large(file: ModelFile, limits: Limits) -> ModelTooLarge:
    weights = f"; its weights take {format_limit(ByteSize(file.stored.byte_count))}" if file.stored else ""
    return ModelTooLarge(
        f"{file.name} needs more memory than there is for it{weights}.",
        remedy=f"Nothing is wrong with the file. A visitor may take {format_limit(limits.worker_bytes)}. "
        f"{raised_by('worker_bytes')}",
    )


def _load_keras(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    tree = location.tree.below(location.place.path)
    rewrite_keras_model(tree, file.members, target, config, file.keras_version)
    return _load_with_keras(target, file, config)


def _load_architecture(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    import h5py

    weights = _file_on_disk(location, location.place.weights)
    with h5py.File(weights, "r") as stored:
        is_of_keras_2 = "layer_names" in stored.attrs
    # Keras tells the two formats of weights by the name.
    weights_copy = target.with_suffix(".h5" if is_of_keras_2 else ".weights.h5")
    os.link(weights, weights_copy)
    return _load_in_parts(weights_copy, file, config)


def _load_in_parts(weights: Path, file: ModelFile, config: Mapping[str, Any]) -> Any:
    import keras

    _check_size_when_built(file, config)
    with weights_as_stored():
        model = keras.saving.deserialize_keras_object(dict(config), safe_mode=True)
        model.load_weights(weights)
    return model


def _file_on_disk(location: LocatedModel, path: str) -> Path:
    # Located models whose file is read from many places are never left in an archive.
    assert location.tree.folder is not None
    return location.tree.folder / path


def _load_hdf5(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    import h5py

    target = target.with_suffix(".h5")
    config = config if file.is_legacy else _with_modules(config, _operations())
    with (
        location.tree.opener(location.place.path) as stream,
        h5py.File(stream, "r") as old,
        h5py.File(target, "w") as new,
    ):
        # Without the optimizer, which is most of a trained file.
        old.copy("model_weights", new)
        new.attrs["model_config"] = text = json.dumps(config)
        new.attrs["keras_version"] = file.keras_version
    if file.is_legacy and '"__ellipsis__"' in text:
        # Keras' reader of .h5 files decodes the ``...`` of ``x[..., 0]`` twice, and fails.
        return _load_in_parts(target, file, config)
    return _load_with_keras(target, file, config)


def _load_with_keras(path: Path, file: ModelFile, config: Mapping[str, Any]) -> Any:
    import keras

    _check_size_when_built(file, config)
    with weights_as_stored():
        return keras.saving.load_model(path, compile=False, safe_mode=True)


def _check_size_when_built(file: ModelFile, config: Mapping[str, Any]) -> None:
    # An .h5 file names classes without their modules, for which Keras has another reader that cannot be asked alone.
    if file.sizes is None or file.sizes.complete or "module" not in config:
        return
    try:
        sizes = _size_when_built(config)
    except Exception:
        # A class of somebody's own may need real variables; a fault that is the file's shows when it is built for good.
        return
    check_limits(sizes, file.name, get_limits())


def _size_when_built(config: Mapping[str, Any]) -> Sizes:
    """Builds a model without reserving anything, to learn the sizes that arithmetic could not tell."""
    import keras

    with _variables_forgotten(), keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(copy.deepcopy(dict(config)), safe_mode=True)
        if not getattr(model, "inputs", None):
            return Sizes(0, 0, False, "")
        parameters = sum(math.prod(weight.shape) for weight in model.weights)
        layers = getattr(model, "operations", None) or model.layers
        outputs = [tensor for layer in layers for tensor in keras.tree.flatten(layer.output)]
    activation_bytes = sum(4 * math.prod(extent or 1 for extent in tensor.shape[1:]) for tensor in outputs)
    return Sizes(parameters, activation_bytes, True, "")


@contextmanager
def _variables_forgotten() -> Iterator[None]:
    """Let Keras forget the variables that are made in the block and have no value afterwards.

    At the end of its next scope, whatever model that is about, it would reserve and fill them.
    """
    from keras.src.backend.common import global_state

    waiting: list[Any] = global_state.get_global_attribute("uninitialized_variables", default=[], set_to_default=True)
    count = len(waiting)
    try:
        yield
    finally:
        del waiting[count:]


def _translate(file: ModelFile, allowed: Collection[str]) -> dict[str, Any]:
    import keras

    layer_names = {name for name, value in vars(keras.layers).items() if isinstance(value, type)}
    config = keras2.translate_config(file.config, layer_names | keras2.MODELS, custom=allowed)
    # What Keras is given is judged, and not only what the file says.
    check_configuration(config, file.name, {*allowed, keras2.HARD_SIGMOID})
    check_counts(config, file.name, get_limits())
    return config


def _operations() -> dict[str, str]:
    """The classes behind ``x + y``, ``x[:, 0]`` and the like, each with its module."""
    import sys

    import keras

    return {
        name: module
        for module, content in list(sys.modules.items())
        if module.startswith("keras.src.ops.") and not module.endswith("_test")
        for name, value in vars(content).items()
        if isinstance(value, type) and issubclass(value, keras.Operation) and value.__module__ == module
    }


def _with_modules(value: Any, operations: Mapping[str, str]) -> Any:
    """Says of each operation in a Keras 3 .h5 configuration which module it is from.

    The file keeps the class name alone, and Keras takes the ``Add`` of ``x + y`` for the layer of that name, which
    takes its inputs differently. Only layers say whether they are trainable.
    """
    if isinstance(value, list):
        return [_with_modules(item, operations) for item in value]
    if not isinstance(value, dict):
        return value
    name, config = str(value.get("class_name")), value.get("config")
    if "inbound_nodes" in value and name in operations and isinstance(config, dict) and "trainable" not in config:
        return {**value, "module": operations[name], "registered_name": name}
    return {key: _with_modules(item, operations) for key, item in value.items()}


def _load_saved_model(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    tree = location.tree.below(location.place.path)
    for path in file.members:
        tree.move(path, target / path)
    # TensorFlow reads variables and assets while loading, so the folder may go afterwards.
    signatures = file.graph.signatures if file.graph else ()
    return model_of_saved_model(target, chosen_signature(signatures, location.signature, file.name))


def _load_frozen_graph(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    path = location.place.path
    # A file that was given alone is copied for us under another name.
    file_name = path.rpartition("/")[2] if path.lower().endswith(".pb") else file.name
    return load_by_others(ModelFileCopy(file.name, _file_on_disk(location, path), file_name))


def _load_lite(location: LocatedModel, file: ModelFile, target: Path, config: Mapping[str, Any]) -> Any:
    from core.models.tflite.model import lite_model

    assert file.lite is not None
    return lite_model(file.lite, location.signature, file.name)
