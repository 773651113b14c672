"""Whether a picture shows the model or only the input: it should change when the model forgets what it learned.

Adebayo et al. 2018 ("Sanity Checks for Saliency Maps") give the weights at random and compare by rank correlation. Here
the numbers of each weight are put in another order, so that they stay as large as they were.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

__all__ = ["SHUFFLE_SEED", "UNCHANGED", "likeness", "verdict"]

SHUFFLE_SEED: Final = 1
"""What the weights are shuffled by for the check."""
UNCHANGED: Final = 0.5
"""Rank correlation above which a picture is said not to change."""


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Return the rank correlation (Spearman) of two attributions, with their signs; NaN if one is constant."""
    ranked = [pd.Series(each.reshape(-1)).rank() for each in (first, second)]
    if any(each.nunique() < 2 for each in ranked):
        return float("nan")
    return float(ranked[0].corr(ranked[1]))


def verdict(found: float) -> str:
    """Say what a likeness means, in a sentence."""
    if np.isnan(found):
        return "nothing is left of it: it depends on what the model learned"
    told = f"rank correlation {found:.2f} with the picture above"
    if abs(found) > UNCHANGED:
        return f"it hardly changes ({told}), so it shows the input more than what the model learned: do not rely on it"
    return f"it changes ({told}), as it should: it depends on what the model learned"
