# SPDX-License-Identifier: Apache-2.0
"""Means of ratios."""

import math
import statistics
from collections.abc import Iterable

__all__ = ["geometric_mean"]


def geometric_mean(values: Iterable[float]) -> float:
    """Return the mean that is the same whichever of the two sides is the divisor."""
    return math.exp(statistics.fmean(map(math.log, values)))
