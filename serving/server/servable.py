"""A version of a model that can be run, loaded the way TensorFlow Serving loads it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.ops import SCANN, TEXT, op_names, ops_by_library, read_saved_model
from serving.server.batch_scheduler import BatchScheduler
from serving.server.status import Code, ServingError

_TAG = "serve"
_INTERNAL = "__"  # signatures that SavedModel has for itself


class Servable:
    """One version of a model in memory.

    The SavedModel is restored into a session of its own, and what a signature names are the tensors of its
    graph: TensorFlow Serving does the same, so that a model answers here as it does there. Safe to be run by
    many threads.

    Args:
      name: The model's.
      version: Its number.
      session: Into which it was restored.
      signature_defs: All that the SavedModel has.
      batching: Runs requests together; `None` to run each by itself.

    Attributes:
      name: The model's.
      version: Its number.
      signature_defs: Signature to its `SignatureDef` proto, without those that SavedModel has for itself.
    """

    def __init__(
        self,
        name: str,
        version: int,
        session: Any,
        signature_defs: Mapping[str, Any],
        batching: BatchScheduler | None = None,
    ):
        self.name = name
        self.version = version
        self.signature_defs = {
            key: proto for key, proto in signature_defs.items() if not key.startswith(_INTERNAL)
        }
        self._outputs = {
            key: tuple(sorted({info.name for info in proto.outputs.values()}))
            for key, proto in self.signature_defs.items()
        }
        self._batching = batching
        self._session = session
        self._callables: dict[tuple[Any, ...], Callable[..., list[np.ndarray]]] = {}
        self._lock = threading.Lock()

    def run(
        self,
        signature_name: str,
        feeds: Mapping[str, np.ndarray],
        fetches: Sequence[str],
        deadline: float | None = None,
    ) -> list[np.ndarray]:
        """Runs the graph.

        TensorFlow prepares a graph anew for each set of inputs and outputs, which takes seconds; so all
        outputs of a signature are computed, whichever are asked for, and the order plays no part.

        Args:
          signature_name: On whose behalf.
          feeds: Name of a tensor to its value.
          fetches: Names of tensors.
          deadline: When the answer must be there, of `time.monotonic()`; `None` for never.

        Returns:
          The values of `fetches`, in order.

        Raises:
          ServingError: The graph refused the values, or the deadline has passed.
        """
        check_deadline(deadline)
        run = self._outputs.get(signature_name, ())
        if not set(fetches) <= set(run):
            run = tuple(sorted(set(fetches)))
        ordered = dict(sorted(feeds.items()))
        if self._batching is None:
            values = self._run_graph(ordered, run)
        else:
            values = self._batching.run(self._run_graph, ordered, run, deadline)
        check_deadline(deadline)
        by_name = dict(zip(run, values, strict=True))
        return [by_name[name] for name in fetches]

    def close(self) -> None:
        """Gives the memory back; nothing may be run any more."""
        self._callables.clear()
        self._session.close()

    def _run_graph(self, feeds: Mapping[str, np.ndarray], fetches: Sequence[str]) -> list[np.ndarray]:
        import tensorflow as tf

        key = (tuple(feeds), tuple(fetches))
        call = self._callables.get(key) or self._make_callable(key)
        try:
            return call(*feeds.values())
        except tf.errors.OpError as error:
            raise ServingError(Code(error.error_code), error.message) from error
        except (TypeError, ValueError) as error:  # NumPy arrays that no tensor can be made of
            raise ServingError(Code.INVALID_ARGUMENT, str(error)) from error

    def _make_callable(self, key: tuple[Any, ...]) -> Callable[..., list[np.ndarray]]:
        from tensorflow.core.protobuf import config_pb2

        feeds, fetches = key
        options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
        with self._lock:
            # The public `make_callable` takes each call through the checks of `Session.run`.
            call = self._session._make_callable_from_options(options)
            self._callables[key] = call
        return call


def check_deadline(deadline: float | None) -> None:
    """Stops a call whose time is up.

    Raises:
      ServingError: It is.
    """
    if deadline is not None and time.monotonic() >= deadline:
        raise ServingError(Code.DEADLINE_EXCEEDED, "Deadline exceeded")


def load_servable(name: str, version: int, folder: Path, batching: BatchScheduler | None = None) -> Servable:
    """Loads a SavedModel; the ops of TF Text and ScaNN are registered first, if it has any.

    Args:
      name: The model's.
      version: Its number.
      folder: Of the SavedModel.
      batching: Runs requests together; `None` to run each by itself.

    Raises:
      ServingError: It cannot be read or restored.
    """
    import tensorflow as tf

    _register_ops(folder)
    session = tf.compat.v1.Session(graph=tf.Graph(), config=_session_config())
    try:
        with session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.load(session, [_TAG], str(folder))
        return Servable(name, version, session, meta_graph.signature_def, batching)
    except tf.errors.OpError as error:
        session.close()
        raise ServingError(Code(error.error_code), error.message) from error
    except Exception as error:  # whatever a damaged model may raise
        session.close()
        raise ServingError(Code.INVALID_ARGUMENT, str(error) or type(error).__name__) from error


def _session_config() -> Any:
    """How TensorFlow prepares graphs: once for each signature, so that its time is most of a server's start.

    One round of a few optimizers makes graphs as fast as two of all, in half the time. Those that are left
    out think of memory in training, of images' layout and of several kernels in one, fold the few constants
    that there are where any batch size is taken, or go through all functions by way of MLIR.
    """
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.CopyFrom(
        RewriterConfig(
            meta_optimizer_iterations=RewriterConfig.ONE,
            memory_optimization=RewriterConfig.NO_MEM_OPT,
            disable_tfg_optimizer=True,
            layout_optimizer=RewriterConfig.OFF,
            remapping=RewriterConfig.OFF,
            constant_folding=RewriterConfig.OFF,
            loop_optimization=RewriterConfig.OFF,
            implementation_selector=RewriterConfig.OFF,
            scoped_allocator_optimization=RewriterConfig.OFF,
        )
    )
    return config


def load_op_libraries() -> None:
    """Imports the libraries that have ops of their own, before anything else runs in TensorFlow.

    Importing one holds Python's lock while it waits for one of TensorFlow's. A thread that loads a model at
    the same time may hold that and wait for Python's: then both wait for ever, and the server with them.
    """
    import scann  # noqa: F401
    import tensorflow_text  # noqa: F401


def _register_ops(folder: Path) -> None:
    """Imports the libraries whose ops a SavedModel has.

    Raises:
      ServingError: The SavedModel cannot be read.
    """
    from google.protobuf.message import DecodeError

    try:
        libraries = ops_by_library(op_names(read_saved_model(folder)))
    except OSError as error:
        message = f"Could not find SavedModel .pb at supplied export directory path: {folder}"
        raise ServingError(Code.NOT_FOUND, message) from error
    except DecodeError as error:
        raise ServingError(Code.DATA_LOSS, f"Cannot parse the SavedModel in {folder}: {error}") from error
    if TEXT in libraries:
        import tensorflow_text  # noqa: F401
    if SCANN in libraries:
        import scann  # noqa: F401
