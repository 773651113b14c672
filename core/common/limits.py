"""How much a file, a model or a visitor may ask for: all limits in one place.

Each is set by an environment variable, ``LAYERSCOPE_`` and its name in capitals: ``LAYERSCOPE_IMAGE_PIXELS=10000000``,
``LAYERSCOPE_WORKER_BYTES=8GB``. The page says them before they are met. Nothing is kept here: who asks gets what the
environment says now.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from pydantic import BaseModel, ByteSize, ConfigDict, Field, ValidationError, field_validator

from core.common.text import format_bytes, number_text, safe_name
from core.errors import InputRejected

__all__ = ["PREFIX", "Limits", "format_limit", "get_limits", "raised_by"]

PREFIX: Final = "LAYERSCOPE_"

_MB: Final = 1_000_000
_GB: Final = 1_000 * _MB
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_AMOUNT: Final = re.compile(r"\d*\.?\d+\s*\w*")


class Limits(BaseModel):
    """The limits; every field can be set in the environment. Sizes are bytes, ``"2GB"`` is understood."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    upload_bytes: ByteSize = Field(ByteSize(500 * _MB), title="an uploaded file", gt=0)
    unpacked_bytes: ByteSize = Field(ByteSize(4 * _GB), title="a model file, unpacked", gt=0)
    parameters: int = Field(500_000_000, title="parameters of a model", gt=0)
    layers: int = Field(5_000, title="layers of a model", gt=0)
    # Only what is looked at is kept: a U-Net on pictures of 1024×1024 answers 3 GB and runs in a third of that.
    activation_bytes: ByteSize = Field(
        ByteSize(8 * _GB), title="what all layers answer to one sample of a file's model", gt=0
    )
    kept_bytes: ByteSize = Field(ByteSize(512 * _MB), title="activations kept at once", gt=0)
    input_bytes: ByteSize = Field(ByteSize(_GB), title="one input with all samples, in memory", gt=0)
    image_pixels: int = Field(50_000_000, title="pixels of an image", gt=0)
    frames: int = Field(5_000, title="frames of a film", gt=0)
    rows: int = Field(1_000_000, title="rows of a table or lines of a text", gt=0)
    columns: int = Field(65_536, title="columns of a table", gt=0)
    cells: int = Field(20_000_000, title="cells of a table", gt=0)
    line_characters: int = Field(5_000_000, title="characters in a line", gt=0)
    arrays: int = Field(1_000, title="arrays in an .npz file", gt=0)
    request_seconds: float = Field(120.0, title="seconds for one step, such as opening or running a model", gt=0)
    processor_seconds: float = Field(
        1_000.0,
        title="seconds of a processor for one step that does not say how far it is, on all cores together",
        gt=0,
    )
    background_seconds: float = Field(
        10.0, title="seconds of a processor for what goes on while one visitor asks for nothing", gt=0
    )
    threads: int = Field(1_000, title="threads of one visitor's process", gt=0)
    import_seconds: float = Field(10.0, title="seconds for importing one plugin", gt=0)
    chart_seconds: float = Field(30.0, title="seconds for a picture that does not say how far it is", gt=0)
    chart_rows: int = Field(50_000, title="rows of data in a picture", gt=0)
    chart_bytes: ByteSize = Field(ByteSize(8 * _MB), title="a picture, as it is sent to the browser", gt=0)
    worker_bytes: ByteSize = Field(ByteSize(4 * _GB), title="memory of one visitor", gt=0)
    workers: int = Field(0, title="visitors at once", ge=0, description="0: as many as the machine's memory allows")
    idle_seconds: float = Field(
        600.0, title="seconds without a click after which a visitor makes room for those who wait", gt=0
    )
    saved_models: bool = Field(True, title="SavedModels may be opened")
    paths: bool = Field(True, title="who sits at the server may open its files by path")
    visitor_trust: bool = Field(True, title="who sits at the server may trust code in the page")

    @field_validator("*", mode="before")
    @classmethod
    def _with_separators(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # 50_000_000 and 50,000,000 are how people write such numbers.
        amount = _THOUSANDS.sub("", value).replace("_", "").strip()
        if amount[:1].isdigit() and not _AMOUNT.fullmatch(amount):
            # pydantic reads a size as far as it goes: 1,5GB would be one byte.
            raise ValueError("not one number with at most a unit")
        return amount


def get_limits() -> Limits:
    """Return the limits as the environment sets them.

    Raises:
        InputRejected: If a variable holds something else than its limit can be.
    """
    given: dict[str, Any] = {
        name: os.environ[PREFIX + name.upper()] for name in Limits.model_fields if os.environ.get(PREFIX + name.upper())
    }
    try:
        return Limits(**given)
    except ValidationError as error:
        fault = error.errors()[0]
        variable = PREFIX + str(fault["loc"][0]).upper()
        raise InputRejected(
            f"The environment variable {variable} is '{safe_name(given[str(fault['loc'][0])])}': {fault['msg']}.",
            remedy="Set it to a number, such as 1000, or a size, such as 2GB; or leave it out.",
        ) from error


def raised_by(name: str) -> str:
    """Return the end of a remedy: which environment variable raises a limit.

    Args:
        name: The limit, as :class:`Limits` names it.
    """
    return f"Whoever runs Layerscope can raise the limit: {PREFIX}{name.upper()}."


def format_limit(value: float) -> str:
    """Return a limit as people read it: ``"500 MB"`` for a size, ``"5,000"`` for a number."""
    return format_bytes(value) if isinstance(value, ByteSize) else number_text(value)
