"""Tells whether a chart is valid Vega-Lite, in well under a millisecond.

Altair checks a chart against the Vega-Lite schema in Python, which takes a quarter of the time from a click to the
picture. Here the schema that Altair ships is compiled once; Altair's own, slower check is asked only for its words
about a chart that is not valid.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final
from urllib.parse import quote

import altair as alt
import jsonschema_rs

__all__ = ["specification_of"]

_DEFINITIONS: Final = "#/definitions/"


def specification_of(chart: Any) -> dict[str, Any]:
    """Return the Vega-Lite specification of an Altair chart.

    Raises:
        altair.utils.schemapi.SchemaValidationError: If it is not valid Vega-Lite; the message is Altair's own.
    """
    specification = chart.to_dict(validate=False)
    if not _validator().is_valid(specification):
        return chart.to_dict(validate=True)
    return specification


@cache
def _validator() -> Any:
    return jsonschema_rs.Draft7Validator(_with_quoted_references(alt.load_schema()))


def _with_quoted_references(schema: Any) -> Any:
    # Names of types such as "MarkPropDef<number>" are not the URI references that the standard asks for.
    if isinstance(schema, list):
        return [_with_quoted_references(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _DEFINITIONS + quote(value.removeprefix(_DEFINITIONS), safe="")
        if key == "$ref" and isinstance(value, str)
        else _with_quoted_references(value)
        for key, value in schema.items()
    }
