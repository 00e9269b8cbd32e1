"""How well a task orders what one user was shown, whatever else others got."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class UserAucs:
    """The AUC of each user who has both labels.

    Attributes:
      users: [U] the users' rows.
      aucs: [U] float64.
      examples: [U] int64, how many examples each has.
    """

    users: np.ndarray
    aucs: np.ndarray
    examples: np.ndarray

    def mean(self, weights: np.ndarray | None = None) -> float:
        """The mean over users, weighted by their examples: GAUC (Zhu et al. 2017).

        By examples, since the AUC of a user with two of them is 0 or 1, and says little.

        Args:
          weights: [max user row + 1] how often each user counts; by default once.

        Returns:
          The mean; NaN without a user.
        """
        counts = self.examples if weights is None else self.examples * weights[self.users]
        total = counts.sum()
        return float(counts @ self.aucs / total) if total > 0 else float("nan")


def user_aucs(users: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> UserAucs:
    """AUCs within users, by sums of ranks (Mann and Whitney 1947); ties count half.

    Args:
      users: [N] int64 rows of users.
      labels: [N], 0 or 1.
      predictions: [N].
    """
    if len(users) == 0:
        return UserAucs(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    order = np.lexsort((predictions, users))
    users, labels, predictions = users[order], labels[order] > 0, predictions[order]
    starts_user = np.append(True, users[1:] != users[:-1])
    starts_tie = starts_user | np.append(True, predictions[1:] != predictions[:-1])
    places = np.arange(len(users))
    first = np.flatnonzero(starts_tie)
    last = np.append(first[1:], len(users)) - 1
    mean_places = ((first + last) / 2)[np.cumsum(starts_tie) - 1]
    numbers = np.cumsum(starts_user) - 1
    ranks = mean_places - places[starts_user][numbers] + 1.0
    examples = np.bincount(numbers)
    positives = np.bincount(numbers, weights=labels)
    negatives = examples - positives
    above = np.bincount(numbers, weights=ranks * labels) - positives * (positives + 1) / 2
    has_both = (positives > 0) & (negatives > 0)
    pairs = (positives * negatives)[has_both]
    return UserAucs(users[starts_user][has_both], above[has_both] / pairs, examples[has_both])
