"""Every model that a test of a kind of model runs is run again: each sample alone, several together, in batches."""

import os
from collections import Counter

import pytest

from core.extraction.extractor import Extractor
from tests.support.fidelity import check_fidelity

_COMPARED = pytest.StashKey[Counter]()


@pytest.fixture(autouse=True)
def fidelity(request, monkeypatch):
    """Check, after a test of a kind of model, that each layer answered what it answers to that sample alone."""
    is_left_out = request.node.get_closest_marker("mixes_samples") or os.environ.get("LAYERSCOPE_LARGE_MODELS")
    if is_left_out:
        yield
        return
    seen = {}
    extract = Extractor.extract

    def noted(self, inputs, **settings):
        activations = extract(self, inputs, **settings)
        if not settings.get("training"):
            seen[id(self.model)] = (self, inputs)
        return activations

    monkeypatch.setattr(Extractor, "extract", noted)
    yield
    monkeypatch.undo()
    for extractor, inputs in seen.values():
        # Of a deep model two samples say as much, in less time.
        counts = (1, 2) if len(extractor.model._flatten_layers()) > 60 else (1, 2, 5)
        values, layers = check_fidelity(extractor, inputs, counts)
        request.config.stash.setdefault(_COMPARED, Counter()).update(models=1, layers=layers, values=values)


def pytest_terminal_summary(terminalreporter, config):
    """Say how much was compared, where it was in this process."""
    compared = config.stash.get(_COMPARED, None)
    if compared:
        models, layers, values = (compared[name] for name in ("models", "layers", "values"))
        terminalreporter.write_line(f"fidelity: {models} models, {layers:,} layers, {values:,} values agree")
