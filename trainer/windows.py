"""Which training examples a pass reads: windows over each user's events.

An example carries the events before it, and teaches the next event at each of them. Examples that follow each
other teach nearly the same, so a pass takes every `stride`th of a user, counted back from another place in
each pass, and the newest, which no other example covers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """Examples in the order of their files, and which of them are positives.

    Attributes:
      users: [E] int user of each example.
      engaged: [E] bool: false for what was only shown, which is no positive.
      age: [E] how many newer positives its user has.
    """

    users: np.ndarray
    engaged: np.ndarray
    age: np.ndarray

    @classmethod
    def of(cls, users: np.ndarray, engaged: np.ndarray) -> Windows:
        """Counts each example's place among its user's.

        Args:
          users: [E] int; each user's examples in the order of time.
          engaged: [E] bool.
        """
        order = np.argsort(users, kind="stable")
        order = order[engaged[order]]
        ends = np.searchsorted(users[order], users[order], side="right")
        age = np.zeros(len(users), np.int64)
        age[order] = ends - 1 - np.arange(len(order))
        return cls(users, engaged, age)

    def chosen(self, stride: int, seed: int) -> np.ndarray:
        """[E] bool: the examples of a pass.

        Args:
          stride: Events between the windows of a user.
          seed: Of the places where counting starts; each pass has its own.
        """
        num_users = int(self.users.max(initial=-1)) + 1
        start = np.random.default_rng(seed).integers(0, stride, num_users)
        return self.engaged & ((self.age == 0) | (self.age % stride == start[self.users]))
