"""Statistics of small tables."""

from __future__ import annotations

import pandas as pd
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import statistics_pb2


def statistics_of(**columns) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of a table."""
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))


def people(num_men: int, num_women: int, **columns) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of examples of men and women, `user_sex`."""
    return statistics_of(user_sex=["m"] * num_men + ["f"] * num_women, **columns)
