"""The pictures inside a chart's specification, for tests that look at their pixels."""

import base64
import io

from PIL import Image


def pictures_in(specification):
    """Return the picture of every image mark, in the order in which they are drawn."""
    found = []
    mark = specification.get("mark")
    if isinstance(mark, dict) and mark["type"] == "image":
        kind, _, data = mark["url"].partition(",")
        assert kind == "data:image/png;base64"
        found.append(Image.open(io.BytesIO(base64.b64decode(data))))
    for composition in ("layer", "hconcat", "vconcat", "concat"):
        for part in specification.get(composition, ()):
            found += pictures_in(part)
    return found
