"""Vega, Vega-Lite and Vega-Embed as one script, from the package that draws charts as files; nothing is downloaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["script_of_page"]

_SNIPPET: Final = Path(__file__).parent / "template" / "report.js"
_NOTICE: Final = (
    "/*! Vega {vega}, Vega-Lite, Vega-Embed: Copyright University of Washington Interactive Data Lab, BSD-3-Clause. "
    "They bring D3, Copyright Mike Bostock, ISC. */\n"
)


@cache
def script_of_page() -> str:
    """Return the libraries and what draws the charts of a report with them, as one script that is put into its page."""
    import vl_convert

    bundle = vl_convert.javascript_bundle(_SNIPPET.read_text(encoding="utf-8"))
    # In a text of JavaScript both are the same; in a page the first would end the script.
    bundle = bundle.replace("</script", "<\\/script")
    return _NOTICE.format(vega=vl_convert.get_vega_version()) + bundle
