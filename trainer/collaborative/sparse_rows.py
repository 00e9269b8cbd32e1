"""A sparse matrix whose rows are added up inside a graph."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import tensorflow as tf


class SparseRows(tf.Module):
    """A constant sparse matrix, row by row; a sum touches the rows that it adds and no others.

    Variables: `starts` [R + 1] int64, `columns` [nnz] int32, `values` [nnz] float32.
    """

    def __init__(self, matrix: sp.csr_matrix, name: str = "rows"):
        """Takes a matrix.

        Args:
          matrix: [R, C].
          name: The module's.
        """
        super().__init__(name=name)
        matrix = matrix.tocsr()
        self.num_columns = matrix.shape[1]
        self.starts = tf.Variable(matrix.indptr.astype(np.int64), trainable=False)
        self.columns = tf.Variable(matrix.indices.astype(np.int32), trainable=False)
        self.values = tf.Variable(matrix.data.astype(np.float32), trainable=False)

    def sums(
        self, rows: tf.Tensor, queries: tf.Tensor, num_queries: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Adds rows up, query by query.

        Args:
          rows: [M] int32.
          queries: [M] int32, whose sum a row enters.
          num_queries: int32 scalar B.
          weights: [M] float32 of the rows; 1 by default.

        Returns:
          [B, C] float32.
        """
        places = tf.ragged.range(tf.gather(self.starts, rows), tf.gather(self.starts, rows + 1))
        terms = tf.gather(self.values, places.values)
        owners = places.value_rowids()
        if weights is not None:
            terms *= tf.gather(weights, owners)
        cells = tf.cast(tf.gather(queries, owners), tf.int64) * self.num_columns
        cells += tf.cast(tf.gather(self.columns, places.values), tf.int64)
        num_cells = tf.cast(num_queries, tf.int64) * self.num_columns
        flat = tf.math.unsorted_segment_sum(terms, cells, num_cells)
        return tf.reshape(flat, [num_queries, self.num_columns])
