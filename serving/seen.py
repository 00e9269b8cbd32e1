"""What users had engaged with before a moment, beyond what a request's history holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.features import TIMESTAMP, USER_ID


class EarlierEvents:
    """Each query's earlier events of its user, as places in a log; nothing grows with queries times items.

    Attributes:
      order: [N] rows of the log by user, each user's in time order.
      begin: [Q] where in `order` a query's user begins.
      end: [Q] where the events begin that are not strictly before the query.
    """

    def __init__(self, log: pa.Table, queries: pa.Table):
        """Finds them.

        Args:
          log: Events, in any order.
          queries: Whose earlier events are wanted; both tables have `user_id` and `timestamp`.
        """
        users = pc.unique(log[USER_ID])
        log_users = pc.index_in(log[USER_ID], users).to_numpy()
        query_users = pc.index_in(queries[USER_ID], users).fill_null(len(users)).to_numpy()
        log_times, query_times = (table[TIMESTAMP].to_numpy() for table in (log, queries))
        # One number for a user and a moment: the moment's place among all, so that nothing overflows.
        moments = np.unique(log_times)
        span = len(moments) + 1
        keys = log_users.astype(np.int64) * span + np.searchsorted(moments, log_times)
        self.order = np.argsort(keys, kind="stable")
        keys = keys[self.order]
        query_users = query_users.astype(np.int64) * span
        self.begin = np.searchsorted(keys, query_users)
        self.end = np.searchsorted(keys, query_users + np.searchsorted(moments, query_times))

    def rows(self, block: np.ndarray, newest_left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Earlier events of some queries, the oldest first.

        Args:
          block: [B] numbers of queries.
          newest_left_out: [B] how many of the newest are left out of each.

        Returns:
          The events as rows of the log, query by query, and [B] how many each query has.
        """
        begin, end = self.begin[block], self.end[block] - newest_left_out
        counts = np.maximum(end - begin, 0)
        ends = np.cumsum(counts)
        places = np.repeat(begin - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0)
        return self.order[places], counts
