"""What recommendations are judged by."""

import numpy as np
import pytest

from pipeline.errors import InputError
from serving.evaluation import judged_queries


def test_only_what_was_new_to_the_user_counts():
    assert judged_queries(np.array([True, False, True])).tolist() == [0, 2]


@pytest.mark.parametrize("is_new", [[], [False, False]])
def test_nothing_new_cannot_be_judged(is_new):
    with pytest.raises(InputError, match=rf"in the test split \({len(is_new)} interactions\) nobody did"):
        judged_queries(np.array(is_new, bool))
