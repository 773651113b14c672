"""What a file is that holds no Keras model, told by its content, and how to make one that opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from core.common import file_signatures
from core.common.file_signatures import beginning_of_text
from core.models.file_trees import FileTree

__all__ = ["SAVE_WHOLE", "WEIGHTS_ALONE", "describe_file", "describe_files"]

SAVE_WHOLE: Final = 'model.save("model.keras")'
_RESAVE: Final = ("Save the model whole, where it was made, and open that file.", SAVE_WHOLE)
WEIGHTS_ALONE: Final = (
    "Weights alone do not say which layers they belong to. Drop the architecture (model.to_json()) together with them, "
    "or build the model in Python and save it whole.",
    'model.load_weights("model.weights.h5")\nmodel.save("model.keras")',
)
_CHECKPOINT: Final = (
    "A checkpoint holds weights without layers. Build the model in Python, restore it, and save it whole.",
    'tf.train.Checkpoint(model=model).restore("ckpt-1").expect_partial()\nmodel.save("model.keras")',
)
_ARCHITECTURE: Final = (
    "Drop its weights (.weights.h5) together with it, or save the model whole.",
    'model.load_weights("model.weights.h5")\nmodel.save("model.keras")',
)
_PICKLE: Final = (
    "A pickle can run any code when it is opened. Open it yourself, where you trust it, and save the model whole.",
    'model = pickle.load(open("model.pkl", "rb"))\nmodel.save("model.keras")',
)
_TORCH: Final = (
    "Layerscope opens Keras models. Build the same model in Keras, copy the weights, and save it.",
    'model.set_weights([parameter.numpy() for parameter in weights])\nmodel.save("model.keras")',
)
_LITE: Final = ("Give it the ending .tflite, and open it again.", "")
_NO_LITE: Final = (
    "Copy or download it again, or convert the model again.",
    "content = tf.lite.TFLiteConverter.from_keras_model(model).convert()\n"
    'pathlib.Path("model.tflite").write_bytes(content)',
)
_ONNX: Final = (
    "Open the Keras model that it was converted from, or convert it to a SavedModel with the package onnx2tf.",
    'model.save("model.keras")  # of the Keras model, before it was converted\n'
    'onnx2tf.convert("model.onnx", output_folder_path="saved_model")',
)
_FROZEN: Final = (
    "A graph alone has no signature that says what goes in. Load it in TensorFlow and save it as a SavedModel.",
    "module = tf.Module(); module.serve = tf.compat.v1.wrap_function(import_graph, signature)\n"
    'tf.saved_model.save(module, "saved_model", signatures=module.serve)',
)
_SAVED_MODEL_ALONE: Final = (
    "saved_model.pb is the graph alone; its variables are in the folder beside it. Open the whole folder, or a zip.",
    'shutil.make_archive("saved_model", "zip", "the folder that holds saved_model.pb")',
)
_JAVASCRIPT: Final = (
    "Open the Keras model that it was converted from, or convert it back.",
    'model.save("model.keras")  # of the Keras model, before it was converted\n'
    "tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras model.json model.h5",
)
_PROGRAM: Final = (
    "Layerscope runs no program. Run it yourself, and save the model that it makes.",
    SAVE_WHOLE,
)
_YAML: Final = (
    "Keras 3 reads no YAML. Build the model where it was made, load its weights, and save it whole.",
    'model = tf_keras.models.model_from_yaml(open("model.yaml").read()); model.load_weights("weights.h5")\n'
    'model.save("model.keras")',
)
_DOWNLOAD: Final = ("The download probably ended at a login or error page; download it again.", "")
_UNPACK: Final = (
    "Unpack it and open what is inside, or pack it as a zip.",
    'shutil.unpack_archive("model.tar.gz", "model")\nshutil.make_archive("model", "zip", "model")',
)
_ARRAYS: Final = (
    "If these are weights, load them into the model and save it whole; if it is data, open it after a model.",
    'model.set_weights(list(numpy.load("weights.npz").values()))\nmodel.save("model.keras")',
)
_TRANSFORMERS: Final = (
    "Files of Hugging Face's transformers are opened by that package; export the model as a SavedModel.",
    'model = transformers.TFAutoModel.from_pretrained("folder")\n'
    'tf.saved_model.save(model, "saved_model", signatures=model.serving)',
)

_IMAGES: Final = (
    file_signatures.PNG[:4],
    file_signatures.JPEG,
    file_signatures.GIF,
    file_signatures.RIFF,
    file_signatures.BMP,
)
# Also where the ends of lines were changed or the file is cut, hence not the whole signatures.
_ARCHIVES: Final[Mapping[bytes, str]] = {
    file_signatures.GZIP: "gzip or tar.gz",
    file_signatures.BZIP2: "bzip2",
    file_signatures.XZ[:5]: "xz",
    file_signatures.SEVEN_ZIP: "a 7-Zip file",
    file_signatures.RAR[:4]: "a RAR file",
}


def describe_file(head: bytes, name: str = "") -> tuple[str, str, str]:
    """Say what a file that is no model looks like, what to do about it, and the Python that does it.

    Args:
        head: Its first 4,096 bytes, fewer only if it is shorter.
        name: Its name, which decides only where the content cannot.

    Returns:
        The end of a sentence, such as ``"it looks like a web page"``; a sentence; lines of Python or nothing.
    """
    return (
        _described_text(head) or _described_content(head) or _described_graph(head, name) or _described_name(head, name)
    )


def _described_text(head: bytes) -> tuple[str, str, str] | None:
    text = _without_margin(head)
    if not head:
        return "it is empty", "Copy or download it again.", ""
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it looks like a web page", *_DOWNLOAD
    if text.startswith(file_signatures.GIT_LFS_POINTER):
        return "it looks like a Git LFS pointer to the file", "Run git lfs pull and open the real file.", "git lfs pull"
    if text.startswith((b"{", b"[")):
        return _described_json(text)
    return None


def _described_content(head: bytes) -> tuple[str, str, str] | None:
    if file_signatures.is_lite(head):
        return "it looks like a TensorFlow Lite model", *_LITE
    if head[8:10] == b'{"':
        return "it looks like safetensors, which hold weights without layers", *_RESAVE
    if head.startswith(b"GGUF"):
        return "it looks like GGUF, which holds weights without layers", *_RESAVE
    # The last stands for a file of one byte, which says no protocol.
    if head.startswith(file_signatures.PICKLE) or head == b"\x80":
        return "it looks like a Python pickle, as pickle, joblib and PyTorch write them", *_PICKLE
    archive = next((kind for signature, kind in _ARCHIVES.items() if head.startswith(signature)), "")
    if archive or head[257:262] == b"ustar":
        return f"it looks like {archive or 'a tar file'}, an archive of another kind than zip", *_UNPACK
    if head.startswith(file_signatures.NPY):
        return "it looks like a NumPy array", *_ARRAYS
    if head.startswith(_IMAGES):
        return "it looks like a picture", "Open a model first; pictures are its input.", SAVE_WHOLE
    return None


def _described_graph(head: bytes, name: str) -> tuple[str, str, str] | None:
    """A message of protocol buffers begins with the tag of its first field; what else is in it tells them apart."""
    ending = PurePosixPath(name.lower()).suffix
    if head[:1] == b"\x08" and any(word in head[:512].lower() for word in (b"onnx", b"torch", b"ir_version")):
        return "it looks like an ONNX model", *_ONNX
    if ending == ".onnx":
        return "it looks like an ONNX model, as its name says", *_ONNX
    if head[:1] == b"\x08" and (b"MetaGraph" in head or b"\x12" in head[2:8]):
        return "it looks like a saved_model.pb alone, without the folder of its variables", *_SAVED_MODEL_ALONE
    if ending == ".pb" or (head[:1] == b"\n" and b"\x12" in head[:200] and b"Placeholder" in head):
        return "it looks like a frozen graph of TensorFlow", *_FROZEN
    return None


def _described_name(head: bytes, name: str) -> tuple[str, str, str]:
    """What the name says, or what no name can tell."""
    text, ending = _without_margin(head), PurePosixPath(name.lower()).suffix
    if ".data-0" in name or ending == ".index" or text.startswith(b"model_checkpoint_path"):
        return "it looks like a part of a TensorFlow checkpoint", *_CHECKPOINT
    if ending in (".yaml", ".yml") or (b"class_name:" in text and b"config:" in text):
        return "it looks like YAML, an architecture without weights at best", *_YAML
    if ending in (".tflite", ".lite"):
        return "it does not begin like a TensorFlow Lite model, which its name says it is", *_NO_LITE
    if ending in (".py", ".ipynb"):
        return "it looks like a Python program", *_PROGRAM
    if ending in (".txt", ".md", ".csv", ".log", ".rst") and b"\0" not in head:
        return "it looks like a text", *_RESAVE
    return "its first bytes belong to no format that Layerscope knows", *_RESAVE


def _without_margin(head: bytes) -> bytes:
    return beginning_of_text(head).lower()


def describe_files(tree: FileTree) -> tuple[str, str, str]:
    """Say what files are among which there is no model, what to do about it, and the Python that does it.

    Args:
        tree: The files, without clutter.

    Returns:
        The rest of a sentence that begins with a name, such as ``"is a TensorFlow checkpoint"``; a sentence; Python.
    """
    names = [PurePosixPath(path).name for path in tree.sizes]
    lower = [name.lower() for name in names]
    if not names:
        return (
            "is empty: it holds no saved_model.pb, no .keras and no .h5 file",
            "Choose the folder or archive that the model was saved to.",
            SAVE_WHOLE,
        )
    if {"data.pkl", "constants.pkl"} & set(lower) or any(name.endswith((".pt", ".pth")) for name in lower):
        return "is a PyTorch model, not a Keras model", *_TORCH
    if "tf_model.h5" in lower or "pytorch_model.bin" in lower:
        return "is a model of Hugging Face's transformers, not a Keras model", *_TRANSFORMERS
    if "checkpoint" in lower or any(name.endswith(".index") or ".data-0" in name for name in lower):
        return "is a TensorFlow checkpoint, which holds weights without layers", *_CHECKPOINT
    if any(name.endswith((".h5", ".hdf5")) for name in lower):
        if any(name.endswith(".weights.h5") or "weight" in name for name in lower):
            return "holds weights only, no layers", *WEIGHTS_ALONE
        return "holds an HDF5 file without a Keras model", *WEIGHTS_ALONE
    if any(name.endswith(".npy") for name in lower):
        return "is a set of NumPy arrays (.npz), not a Keras model", *_ARRAYS
    foreign = (".pb", ".tflite", ".onnx", ".pkl", ".pickle", ".joblib", ".yaml", ".yml", ".json", ".safetensors")
    for path in tree.sizes:
        if path.lower().endswith(foreign):
            what, remedy, code = describe_file(tree.head(path), path)
            return f"holds no Keras model, but {path[:80]!r}: {what}", remedy, code
    return (
        "holds no Keras model: neither config.json nor saved_model.pb, nor a .keras or .h5 file",
        "Choose the folder or file that model.save() or model.export() wrote.",
        SAVE_WHOLE,
    )


def _described_json(text: bytes) -> tuple[str, str, str]:
    if b'"modeltopology"' in text or b'"weightsmanifest"' in text:
        return "it looks like a TensorFlow.js model", *_JAVASCRIPT
    if b'"class_name"' in text:
        return "it looks like JSON, an architecture as model.to_json() writes it, without weights", *_ARCHITECTURE
    try:
        json.loads(text)
    except ValueError:
        return "it looks like JSON", *_RESAVE
    return "it looks like JSON that describes no model", *_RESAVE
