"""The models of a server: which versions are in memory, and who may use them."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.errors import RecstackError
from serving.server.manager_options import ManagerOptions
from serving.server.model_config import ModelSource, check_platforms, check_supported, model_sources
from serving.server.model_folders import ModelFolders
from serving.server.model_versions import ModelVersions, State, VersionRecord, VersionState
from serving.server.servable import Servable, load_servable
from serving.server.status import Code, ServingError
from serving.server.version_labels import VersionLabels

logger = logging.getLogger(__name__)

Loader = Callable[[str, int, Path], Servable]


class ModelManager:
    """Loads the versions that the configuration wants, unloads the others, and lends them to calls.

    Args:
      config: `ModelServerConfig` proto; or a function that makes one, which is asked at every look at the
        folders, so that what it reads takes effect by itself.
      options: How versions are found and loaded; by default as TensorFlow Serving does it.
      load: Loads a version, and does with it what must be done before it can be asked.
    """

    def __init__(
        self,
        config: Any | Callable[[], Any],
        options: ManagerOptions | None = None,
        load: Loader = load_servable,
    ):
        self._make_config = config if callable(config) else None
        self._options = options or ManagerOptions()
        self._loader = load
        self._sources: dict[str, ModelSource] = {}
        self._models: dict[str, ModelVersions] = {}
        self._folders = ModelFolders()
        self._labels = VersionLabels(self._can_be_asked)
        self._changed = threading.Condition(threading.RLock())
        self._looking = threading.Lock()  # held over a look at the folders, which must not overtake another
        self._stopped = threading.Event()
        self._workers = ThreadPoolExecutor(self._options.num_load_threads, thread_name_prefix="load")
        self._poller = threading.Thread(target=self._poll, name="poll", daemon=True)
        self._configure(config() if callable(config) else config)

    def start(self, timeout: float | None = None) -> None:
        """Loads the models, and goes on looking for new versions.

        Returns when each model can be asked. One without any version yet is not waited for.

        Args:
          timeout: Seconds to wait at most; `None` for as long as tries go on.

        Raises:
          ServingError: UNKNOWN: a model's versions cannot be loaded.
        """
        self._look()
        self._poller.start()
        self._wait_for(self.names(), timeout)

    def stop(self) -> None:
        """Unloads everything; calls that use a version are waited for."""
        self._stopped.set()
        if self._poller.is_alive():
            self._poller.join()
        with self._looking, self._changed:
            for model in self._models.values():
                model.aspire({})
            self._act()
            self._changed.wait_for(lambda: not any(model.records() for model in self._models.values()))
        self._workers.shutdown()

    def names(self) -> list[str]:
        """Names of the models that the configuration has."""
        with self._changed:
            return list(self._sources)

    def available(self, name: str) -> list[int]:
        """The versions of a model that can be asked, the oldest first; none of a model that there is not."""
        with self._changed:
            states = self._models[name].states() if name in self._models else []
        return sorted(state.version for state in states if state.state == State.AVAILABLE.value)

    def reload(self, config: Any) -> None:
        """Replaces the whole set of models, and waits until those that are new can be asked.

        Raises:
          ServingError: INVALID_ARGUMENT: the configuration is wrong; FAILED_PRECONDITION: it is empty, or a
            label is given to a version that is not available; nothing changes then. UNKNOWN: a new model's
            versions cannot be loaded.
        """
        if config.WhichOneof("config") is None:
            message = "Cannot transition to requested config: it has no model_config_list"
            raise ServingError(Code.FAILED_PRECONDITION, message)
        sources = model_sources(config)
        with self._looking, self._changed:
            self._labels.check(sources)
            new = sources.keys() - self._sources.keys()
            self._configure(config)
            self._make_config = None
        self._look()
        self._wait_for(new, None, may_be_empty=False)

    def states(self, name: str, version: int | None = None, label: str | None = None) -> list[VersionState]:
        """What each version of a model is in, the newest first.

        Args:
          name: The model.
          version: Only this one.
          label: Only the one with this label.

        Raises:
          ServingError: NOT_FOUND or INVALID_ARGUMENT: there is no such model, version or label.
        """
        with self._changed:
            if label is not None:
                version = self._labels.version(name, label)
            states = self._models[name].states() if name in self._models else []
        if version is None:
            if not states:
                raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
            return states
        found = [state for state in states if state.version == version]
        if not found:
            raise ServingError(Code.NOT_FOUND, f"Could not find version {version} of model {name}")
        return found

    @contextmanager
    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Iterator[Servable]:
        """Lends a version, which stays in memory until it is given back.

        Args:
          name: The model.
          version: Its version; without it or `label`, the newest that can be asked.
          label: The version's label.

        Raises:
          ServingError: NOT_FOUND or INVALID_ARGUMENT: there is no such model, version or label.
        """
        record, servable = self._take(name, version, label)
        try:
            yield servable
        finally:
            self._give_back(record)

    def _take(self, name: str, version: int | None, label: str | None) -> tuple[VersionRecord, Servable]:
        with self._changed:
            if label is not None:
                version = self._labels.version(name, label)
            model = self._models.get(name)
            record = model.available(version) if model is not None else None
            if record is None or record.servable is None:
                asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {asked}")
            record.leases += 1
            return record, record.servable

    def _give_back(self, record: VersionRecord) -> None:
        with self._changed:
            record.leases -= 1
            if record.state is State.UNLOADING and not record.leases:
                self._workers.submit(self._unload, record)

    def _can_be_asked(self, name: str, version: int) -> bool:
        model = self._models.get(name)
        return model is not None and model.available(version) is not None

    def _configure(self, config: Any) -> None:
        """Takes over a configuration."""
        sources = model_sources(config)
        check_platforms(self._sources, sources)
        check_supported(sources)
        with self._changed:
            self._sources = sources
            for name in sources:
                self._models.setdefault(name, ModelVersions(name))
            self._labels.want({name: source.labels for name, source in sources.items()})

    def _poll(self) -> None:
        """Looks at the folders until the manager stops."""
        seconds = self._options.file_system_poll_wait_seconds
        told = ""
        while not self._stopped.wait(seconds or 1.0):
            try:
                if seconds:
                    self._look()
                else:  # only what is to be tried again
                    with self._changed:
                        self._act()
                told = ""
            except (RecstackError, ServingError) as error:  # said once, until it is over
                if str(error) != told:
                    logger.warning("the models stay as they are: %s", error)
                told = str(error)
            except Exception:  # this thread must live as long as the server
                logger.exception("cannot look for new versions")

    def _look(self) -> None:
        """Finds out which versions are wanted, and sets off what follows from that."""
        with self._looking:
            if self._make_config is not None:
                self._configure(self._make_config())
            found = {name: self._folders.wanted(source) for name, source in self._sources.items()}
            with self._changed:
                for name, model in self._models.items():
                    versions = found.get(name, {})
                    if versions is not None:
                        model.aspire(versions)
                self._act()

    def _act(self) -> None:
        """Sets off what is to be loaded and unloaded; the lock is held."""
        self._labels.settle()
        for model in self._models.values():
            for record in model.to_load(time.monotonic()):
                record.state = State.LOADING
                self._workers.submit(self._load, record)
            for record in model.to_unload(self._labels.on_the_move(model.name)):
                record.state = State.UNLOADING
                if not record.leases:
                    self._workers.submit(self._unload, record)
        self._changed.notify_all()

    def _load(self, record: VersionRecord) -> None:
        """Loads a version; in a worker."""
        try:
            servable = self._loader(record.name, record.number, record.path)
        except ServingError as error:
            self._failed(record, error)
        except Exception as error:  # whatever a damaged model may raise
            self._failed(record, ServingError(Code.UNKNOWN, f"{type(error).__name__}: {error}"))
        else:
            logger.info("loaded version %d of %s from %s", record.number, record.name, record.path)
            with self._changed:
                self._models[record.name].loaded(record, servable)
                self._act()

    def _failed(self, record: VersionRecord, error: ServingError) -> None:
        again = record.failures < self._options.max_num_load_retries
        seconds = self._options.load_retry_interval_seconds
        logger.warning(
            "cannot load version %d of %s from %s (%s), %s",
            record.number,
            record.name,
            record.path,
            error,
            f"trying again in {seconds:g} s" if again else "giving up",
        )
        with self._changed:
            retry_at = time.monotonic() + seconds if again else None
            self._models[record.name].failed(record, error, retry_at)
            self._act()

    def _unload(self, record: VersionRecord) -> None:
        """Gives a version's memory back; in a worker, when no call uses it any more."""
        assert record.servable is not None  # it was available
        record.servable.close()
        with self._changed:
            self._models[record.name].unloaded(record)
            self._act()
        logger.info("unloaded version %d of %s", record.number, record.name)
        gc.collect()  # graphs are full of cycles, and large

    def _wait_for(self, names: Iterable[str], timeout: float | None, may_be_empty: bool = True) -> None:
        """Waits until models can be asked.

        Raises:
          ServingError: UNKNOWN: some never will be.
        """
        with self._changed:
            models = [self._models[name] for name in names]
            self._changed.wait_for(
                lambda: self._stopped.is_set() or all(model.settled() for model in models), timeout
            )
            failed = [
                model
                for model in models
                if model.available() is None and (model.records() or not may_be_empty)
            ]
            reasons = ", ".join(f"{{{model.why_not()}}}" for model in failed)
        if failed and not self._stopped.is_set():
            message = f"{len(failed)} model(s) did not become available: {{{reasons}}}"
            raise ServingError(Code.UNKNOWN, message)
