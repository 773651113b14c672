"""Image files to the numbers that a model takes.

Constraints: only PNG, JPEG and WebP, named to Pillow, because its other readers are many and some run programs; the
number of pixels is checked before any is decoded, because a file of some kilobytes can hold gigabytes of them; and
pixels are scaled by a convention that the person sees and chooses, because no model file says which one it was
trained with.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.file_kinds import kind_of
from core.inputs.remedies import shape_text
from core.inputs.spec import COLOUR_CHANNELS, InputSpec

__all__ = [
    "SCALINGS",
    "Fit",
    "Scaling",
    "declared_scaling",
    "holds_image",
    "read_image",
    "read_mask",
    "suggest_scaling",
    "takes_images",
]

Fit: TypeAlias = Literal["stretch", "crop", "pad"]

# What keras.utils.image_dataset_from_directory trains with; Pillow's is antialiased.
_METHOD: Final = Image.Resampling.BILINEAR
_ZERO_TO_ONE: Final = "0–1"
_PLUS_MINUS_ONE: Final = "−1–1"
_RAW: Final = "0–255"
_CAFFE: Final = "caffe (BGR, ImageNet mean)"
_TORCH: Final = "torch (0–1, ImageNet mean and std)"


@dataclass(frozen=True)
class Scaling:
    """How the pixels 0 to 255 become the numbers that a model was trained with.

    Attributes:
        title: What the person chooses by.
        description: Which models expect it.
        divisor: Pixels are divided by this first.
        mean: Then this is subtracted, per channel; one number stands for all channels.
        deviation: Then they are divided by this, likewise.
        reverses_channels: True where blue comes first and red last.
        families: Beginnings of the names of the keras.applications models trained so, in lower case.
    """

    title: str
    description: str
    divisor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    reverses_channels: bool = False
    families: tuple[str, ...] = ()

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Return scaled pixels.

        Args:
            pixels: ``(…, channel)``, 0 to 255, the channels red, green, blue or a single one.

        Returns:
            The same shape, float32.

        Raises:
            InputRejected: If the scaling is per colour and the pixels are not three colours.
        """
        channels = pixels.shape[-1]
        if len(self.mean) not in (1, channels):
            raise InputRejected(
                f"The scaling '{self.title}' is for three colours, the input takes {channels} channels.",
                remedy=f"Choose '{_ZERO_TO_ONE}', '{_PLUS_MINUS_ONE}' or '{_RAW}'.",
            )
        scaled = (pixels[..., ::-1] if self.reverses_channels else pixels).astype(np.float32)
        scaled /= np.float32(self.divisor)
        scaled -= np.array(self.mean, np.float32)
        scaled /= np.array(self.deviation, np.float32)
        return scaled


SCALINGS: Final[Mapping[str, Scaling]] = MappingProxyType(
    {
        _ZERO_TO_ONE: Scaling("0 to 1", "What most models of one's own are trained with: pixels / 255.", divisor=255),
        _PLUS_MINUS_ONE: Scaling(
            "-1 to 1",
            "keras.applications mode 'tf': Inception, InceptionResNet, MobileNet and V2, NASNet, ResNetV2, Xception.",
            divisor=127.5,
            mean=(1.0,),
            families=("inception", "mobilenet", "nasnet", "resnet50v2", "resnet101v2", "resnet152v2", "xception"),
        ),
        _RAW: Scaling(
            "0 to 255",
            "Models that scale by themselves; of keras.applications ConvNeXt, EfficientNet and V2, MobileNetV3.",
            families=("convnext", "efficientnet"),
        ),
        _CAFFE: Scaling(
            "Blue, green, red, less ImageNet's mean",
            "keras.applications mode 'caffe': ResNet50, ResNet101, ResNet152, VGG16, VGG19.",
            mean=(103.939, 116.779, 123.68),
            reverses_channels=True,
            families=("resnet50", "resnet101", "resnet152", "vgg"),
        ),
        _TORCH: Scaling(
            "ImageNet's mean 0 and deviation 1",
            "keras.applications mode 'torch': DenseNet; most models that came from PyTorch.",
            divisor=255,
            mean=(0.485, 0.456, 0.406),
            deviation=(0.229, 0.224, 0.225),
            families=("densenet",),
        ),
    }
)
"""The scalings to choose from; for three colours the same numbers as keras.applications' ``preprocess_input``."""


def holds_image(data: bytes) -> bool:
    """Return whether a file's content begins like a PNG, JPEG or WebP image."""
    return data.startswith((file_signatures.PNG, file_signatures.JPEG)) or (
        data.startswith(file_signatures.RIFF) and data[8:12] == b"WEBP"
    )


def takes_images(spec: InputSpec) -> bool:
    """Return whether an image file can become this input, see ``read_image``."""
    return _frame(spec) is not None


def read_image(
    data: bytes,
    name: str,
    spec: InputSpec,
    *,
    scaling: str = _ZERO_TO_ONE,
    fit: Fit = "stretch",
    invert: bool = False,
) -> np.ndarray:
    """Return the picture in an image file as one sample of an input.

    The file is turned upright (EXIF), transparency is laid on white unless the input takes four channels, the first
    picture of an animation is taken, and 16-bit gray is read with 8 bits.

    Args:
        data: Content of a PNG, JPEG or WebP file.
        name: Name of the file, for messages.
        spec: What the input expects: a picture, or ``(height, width)`` or a flat square of pixels, as digits often are.
            Sizes that are None follow the file.
        scaling: Key of ``SCALINGS``.
        fit: ``"stretch"`` changes the proportions, ``"crop"`` cuts the longer side, ``"pad"`` fills up with the colour
            of the picture's border.
        invert: Makes dark what was light, as for digits on paper when the model knows white on black.

    Returns:
        ``(height, width, channel)``, or ``(channel, height, width)``, ``(height, width)``, ``(pixel,)`` if the input is
        so; float32 in the range of the scaling, or the input's type rounded where it takes whole numbers.

    Raises:
        InputRejected: If the file is of another kind, damaged or too large, or if the input takes no pictures.
    """
    name = safe_name(name)
    frame = _frame(spec)
    if frame is None:
        raise InputRejected(
            f"{name} is an image, the input '{spec.shown_name}' expects {shape_text((None, *spec.shape))} of "
            f"{spec.dtype}.",
            remedy="Give this input numbers: a .npy, .npz or CSV file.",
        )
    if scaling not in SCALINGS:
        raise InputRejected(f"There is no scaling '{scaling}'.", remedy=f"There are: {', '.join(SCALINGS)}.")
    height, width, channels = frame
    picture = _fitted(_with_channels(_decoded(data, name), channels), name, height, width, fit)
    _check_memory(picture, name)
    pixels = np.asarray(picture)
    pixels = pixels.reshape(*pixels.shape[:2], -1)  # (height, width) -> (height, width, 1) for gray
    if invert:
        pixels = pixels.copy()
        pixels[..., :3] = 255 - pixels[..., :3]  # an alpha channel stays
    values = SCALINGS[scaling].apply(pixels)
    if spec.is_integer:
        limits = np.iinfo(spec.numpy_dtype)
        values = np.clip(np.rint(values), limits.min, limits.max).astype(spec.numpy_dtype)
    return spec.from_images(values[np.newaxis])[0]


def read_mask(data: bytes, name: str, size: tuple[int | None, int | None], fit: Fit = "stretch") -> np.ndarray:
    """Return the whole number in each place of a mask: a grey value, or the number of a colour in the file's palette.

    It is brought to a size as pictures are, but no value is mixed of several.

    Args:
        data: Content of a PNG, JPEG or WebP file.
        name: Name of the file, for messages.
        size: Height and width; None follows the file.
        fit: As for the picture that it is of.

    Returns:
        ``(height, width)``, uint8 or int32.

    Raises:
        InputRejected: If the file is of another kind, damaged or too large, or if its pixels are coloured.
    """
    name = safe_name(name)
    pixels = np.asarray(_upright(data, name))
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] > 2 else pixels[..., :1]
        if (colours != colours[..., :1]).any():
            raise InputRejected(
                f"The mask {name} is coloured, and which colour is which class is not known.",
                remedy="Save the number of the class in each place, as gray or with a palette.",
            )
        pixels = colours[..., 0]
    is_small = pixels.dtype.kind in "bu" and pixels.dtype.itemsize == 1
    picture = Image.fromarray(pixels.astype(np.uint8 if is_small else np.int32))
    fitted = _fitted(picture, name, *size, fit, is_mask=True)
    _check_memory(fitted, name)
    return np.asarray(fitted)


def suggest_scaling(model: Any) -> str:
    """Return the key of ``SCALINGS`` that a Keras model was probably trained with.

    ``"0–255"`` where the model takes whole numbers or scales by itself (Rescaling, Normalization, or arithmetic before
    its first layer), a family's own where the name is that of a keras.applications model, else ``"0–1"``.
    """
    return declared_scaling(model) or _ZERO_TO_ONE


def declared_scaling(model: Any) -> str | None:
    """Return the key of ``SCALINGS`` that a Keras model itself tells, see :func:`suggest_scaling`; None for none."""
    tensors = getattr(model, "inputs", None) or ()
    if any(str(tensor.dtype).startswith(("int", "uint")) and len(tensor.shape) == 4 for tensor in tensors):
        return _RAW
    return _scaling_at_start(model) or None


def _frame(spec: InputSpec) -> tuple[int | None, int | None, int | None] | None:
    """Return height, width and channels of the picture that an input takes; None where it takes none."""
    frame = spec.frame
    if frame is None or frame[2] not in (*COLOUR_CHANNELS, None):
        return None
    # A grey picture is read as rows over time too, and pixels in a row for a vector: nothing else can be meant by one.
    return frame if spec.kind == "image" or len(spec.layout) < 3 else None


def _decoded(data: bytes, name: str) -> Image.Image:
    upright = _upright(data, name)
    if upright.mode.startswith("I"):
        # Pillow cuts off what is above 255 instead of scaling it.
        gray = np.asarray(upright, dtype=np.float32) / 257
        return Image.fromarray(np.rint(np.clip(gray, 0, 255)).astype(np.uint8))
    return upright


def _upright(data: bytes, name: str) -> Image.Image:
    if not holds_image(data):
        found = kind_of(data) or ("no image of a known kind", "Save it as PNG, JPEG or WebP.")
        raise InputRejected(f"{name} is {found[0]}; expected was PNG, JPEG or WebP.", remedy=found[1])
    kind = (
        "PNG" if data.startswith(file_signatures.PNG) else "JPEG" if data.startswith(file_signatures.JPEG) else "WebP"
    )
    damaged = (
        f"{name} begins like a {kind} image and could not be read: it is cut off, damaged, or holds too much "
        "beside the picture."
    )
    again = "Copy it again, or open it in an image viewer and save it as PNG."
    try:
        if kind == "WebP":
            # Opening reserves memory for all pixels of the canvas.
            _check_pixels(_webp_size(data), name)
        picture = _open(data, kind)
        _check_pixels(picture.size, name)
        picture.load()
        return ImageOps.exif_transpose(picture)
    except InputRejected:
        raise
    except Exception as error:  # Pillow's readers raise anything when a file is damaged
        raise InputRejected(damaged, remedy=again) from error


def _open(data: bytes, kind: str) -> Image.Image:
    # Not Image.open: it has a limit of its own that could only be changed for the whole process.
    readers: dict[str, type[JpegImageFile | PngImageFile | WebPImageFile]] = {
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "WebP": WebPImageFile,
    }
    return readers[kind](io.BytesIO(data))


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a WebP file, from its first chunk."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _check_pixels(size: tuple[int, int], name: str) -> None:
    most = get_limits().image_pixels
    if size[0] * size[1] > most:
        raise InputRejected(
            f"{name} has {size[0] * size[1]:,} pixels ({shape_text(size)}), at most {most:,} are read.",
            remedy=f"Make the picture smaller. {raised_by('image_pixels')}",
        )


def _check_memory(picture: Image.Image, name: str) -> None:
    limit = get_limits().input_bytes
    if picture.width * picture.height * len(picture.getbands()) * np.dtype(np.float32).itemsize > limit:
        raise InputRejected(
            f"{name} as an input of {shape_text(picture.size)} pixels needs more than {format_limit(limit)} of memory.",
            remedy=f"Make the picture smaller. {raised_by('input_bytes')}",
        )


def _with_channels(picture: Image.Image, channels: int | None) -> Image.Image:
    if channels == 4:
        return picture.convert("RGBA")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    if channels is None:
        channels = 1 if picture.mode in ("1", "L", "LA") else 3
    return picture.convert("L" if channels == 1 else "RGB")


def _fitted(
    picture: Image.Image, name: str, height: int | None, width: int | None, fit: Fit, *, is_mask: bool = False
) -> Image.Image:
    method = Image.Resampling.NEAREST if is_mask else _METHOD
    if height is None and width is None:
        return picture
    if height is None:
        height = max(1, round(picture.height * (width or 1) / picture.width))
    if width is None:
        width = max(1, round(picture.width * height / picture.height))
    most = get_limits().image_pixels
    if height * width > most:
        raise InputRejected(
            f"{name} would have to become {shape_text((width, height))} pixels, at most {most:,} are made.",
            remedy=f"The model's input is too large for pictures here. {raised_by('image_pixels')}",
        )
    size = (width, height)
    if picture.size == size:
        return picture
    if fit == "crop":
        return ImageOps.fit(picture, size, method)
    if fit == "pad":
        scale = min(width / picture.width, height / picture.height)
        inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        contained = _resized(picture, inner, most, method)
        canvas = Image.new(picture.mode, size, 0 if is_mask else _border_colour(contained))
        canvas.paste(contained, ((width - contained.width) // 2, (height - contained.height) // 2))
        return canvas
    return _resized(picture, size, most, method)


def _resized(picture: Image.Image, size: tuple[int, int], most_pixels: int, method: Image.Resampling) -> Image.Image:
    # Pillow resizes across first: of a line of 50 million pixels downwards, that would be gigabytes.
    if size[0] * picture.height > most_pixels:
        picture = picture.resize((picture.width, size[1]), method)
    return picture.resize(size, method)


def _border_colour(picture: Image.Image) -> tuple[int, ...]:
    pixels = np.asarray(picture)
    pixels = pixels.reshape(*pixels.shape[:2], -1)  # (height, width, channel)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (pixel, channel)
    return tuple(int(value) for value in np.median(border, axis=0))


def _scaling_at_start(model: Any) -> str | None:
    """Return the scaling that a model's first operations and its name tell; None where it only has augmentation."""
    for operation in getattr(model, "operations", None) or getattr(model, "layers", None) or ():
        type_names = {base.__name__ for base in type(operation).__mro__}
        if getattr(operation, "layers", None):
            found = _scaling_at_start(operation)
            if found is not None:
                return found
        elif type_names & {"Rescaling", "Normalization"}:
            return _RAW
        elif type_names & {"Add", "Divide", "GetItem", "Multiply", "Subtract", "TrueDivide"} and (
            "Layer" not in type_names
        ):
            return _RAW  # such as keras.applications' preprocess_input inside the model
        elif not type_names & {"InputLayer", "BaseImagePreprocessingLayer"}:
            return _scaling_of_family(str(getattr(model, "name", "")))
    return None


def _scaling_of_family(model_name: str) -> str:
    # The longest beginning wins: resnet50v2 is trained otherwise than resnet50.
    matches = [
        (len(family), key)
        for key, scaling in SCALINGS.items()
        for family in scaling.families
        if model_name.lower().startswith(family)
    ]
    return max(matches)[1] if matches else ""
