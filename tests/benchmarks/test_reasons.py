"""How ways to name events are compared: by hand."""

import numpy as np
import pytest

from benchmarks.reasons import Case, compare, faith

FALLS = np.float32([[1.0, 0.0], [0.5, 3.0], [-1.0, 0.5]])  # three events, oldest first, and two items


def test_figures_of_a_list():
    named, others, above, best = faith(FALLS, np.array([0, 2]))
    assert named == pytest.approx((1.0 + 0.5) / 2)
    assert others == pytest.approx(((0.5 - 1.0) / 2 + (0.0 + 3.0) / 2) / 2)
    assert above == pytest.approx((1.0 + 0.5) / 2)
    assert best == pytest.approx((1.0 + 3.0) / 2)


def test_ways_are_told_apart():
    case = Case(FALLS, cosines=-FALLS, gradients=FALLS)
    figures = compare([case, case], seed=0)
    assert figures["taken out, all"].of_best == figures["gradient times input"].of_best == 1.0
    assert figures["taken out, all"].above_others == 1.0
    assert figures["nearest embedding"].above_others == 0.0
    assert figures["newest"].named == pytest.approx((-1.0 + 0.5) / 2)
    assert figures["taken out, 4 newest"] == figures["taken out, all"]
