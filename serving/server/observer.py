"""What a transport tells of each call that it has answered."""

from __future__ import annotations

from typing import Protocol

from serving.server.status import Code


class Observer(Protocol):
    """Takes note of a call, for metrics and logs; called by many threads."""

    def __call__(self, model_name: str, status: Code, seconds: float, api: str, entrypoint: str) -> None:
        """Takes note.

        Args:
          model_name: As the caller gave it, which need not be a model's; `""` if none.
          status: How the call ended.
          seconds: How long it took.
          api: `Predict`, `Classify`, `Regress`, `MultiInference`, `GetModelMetadata`, `GetModelStatus` or
            `HandleReloadConfigRequest`.
          entrypoint: `GRPC` or `REST`.
        """


def ignore(model_name: str, status: Code, seconds: float, api: str, entrypoint: str) -> None:
    """An observer that takes no note."""
