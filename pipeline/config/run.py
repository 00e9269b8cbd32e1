"""The whole configuration of a run, and how it is read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from pipeline.config.base import Frozen
from pipeline.config.cleaning import CleaningConfig
from pipeline.config.cloud import CloudConfig
from pipeline.config.collaborative import CollaborativeConfig
from pipeline.config.continuous import ContinuousConfig
from pipeline.config.data import (
    BeamConfig,
    CsvSource,
    CustomSource,
    DataSource,
    FeaturesConfig,
    MindSource,
    MovieLensLatestSource,
    SplitConfig,
    VectorsFile,
)
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.feedback import FeedbackConfig
from pipeline.config.fitting import TrainingConfig
from pipeline.config.gate import GateConfig
from pipeline.config.gateway import GatewayConfig
from pipeline.config.privacy import PrivacyConfig
from pipeline.config.ranking import RankingConfig
from pipeline.config.serving import ServingConfig
from pipeline.config.text import TextTowerConfig
from pipeline.config.tracking import TrackingConfig
from pipeline.config.training import FusionConfig, IndexConfig, RetrievalConfig
from pipeline.config.tuning import TuningConfig
from pipeline.errors import InputError

# In a run's folder: the prepared data, what was only validated, where trainings stand, what became of the
# trials of a search for hyperparameters, and a record of the steps of each run.
DATA_DIR = "data"
VALIDATION_DIR = "validation"
CHECKPOINTS_DIR = "checkpoints"
TUNING_DIR = "tuning"
# Beside them: the report of the newest run, which shows some users' histories.
REPORT_FILE = "report.html"
STEPS_DIR = "steps"
SIMULATION_DIR = "simulation"
EVENTS_DIR = "events"
EVENT_SPANS = "spans"
LAST_RUN_FILE = "last_run.json"  # of those that a watch started
METADATA_FILE = "metadata.sqlite"
# Scores of candidates that every run has.
RETRIEVAL_SOURCES = ("retrieval", "content")


class ValidationConfig(Frozen):
    """What new data are compared with, beside their schema.

    Attributes:
      served_requests: Folder or file of logged requests, gzipped or plain TFRecords of `tf.Example`s;
        their distribution is compared with the training data's (skew), by the schema's
        `skew_comparator`s.
      drift: Whether the training data are compared with those of the version that is served, by the
        schema's `drift_comparator`s.
    """

    served_requests: Path | None = None
    drift: bool = True


class RunConfig(Frozen):
    """Everything that decides a run.

    Attributes:
      name: The pipeline's name; its outputs stand in `output`/`name`.
      output: Folder for metadata, artifacts, logs and bundles; a relative path is taken from
        the working folder.
      seed: Of every random draw.
      data: The source.
      item_vectors: Name to dense vectors of the items that somebody has already: of images, sounds, a
        knowledge graph. They enter the candidate tower.
      schema_dir: Folder with a curated `interactions.pbtxt` and `items.pbtxt`; a relative path is
        taken from the configuration file's folder. By default the source's own curated schema,
        or one derived from the declared features if it has none.
      feedback: What people did with what the gateway showed them, learnt from beside the source; by default
        it is not.
      cloud: Kubeflow or Vertex AI Pipelines; see `recstack compile`. Nothing else reads it.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    output: Path = Path("runs")
    seed: int = 42
    data: DataSource
    item_vectors: dict[str, VectorsFile] = Field(default_factory=dict)
    feedback: FeedbackConfig | None = None
    schema_dir: Path | None = None
    cleaning: CleaningConfig = CleaningConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    validation: ValidationConfig = ValidationConfig()
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    text: TextTowerConfig = TextTowerConfig()
    training: TrainingConfig = TrainingConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    collaborative: CollaborativeConfig = CollaborativeConfig()
    ranking: RankingConfig = RankingConfig()
    index: IndexConfig = IndexConfig()
    fusion: FusionConfig = FusionConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GateConfig = GateConfig()
    tuning: TuningConfig = TuningConfig()
    continuous: ContinuousConfig = ContinuousConfig()
    serving: ServingConfig = ServingConfig()
    endpoint: EndpointConfig | None = None
    gateway: GatewayConfig = GatewayConfig()
    tracking: TrackingConfig = TrackingConfig()
    beam: BeamConfig = BeamConfig()
    cloud: CloudConfig | None = None

    @model_validator(mode="after")
    def _scores_have_names_of_their_own(self) -> RunConfig:
        """The fusion tells scores apart by their names alone."""
        sources = (*RETRIEVAL_SOURCES, *(source.source_name for source in self.collaborative.sources))
        tasks = tuple(task.name for task in self.ranking.tasks)
        shared = sorted((set(sources) & set(tasks)) | (set(sources[2:]) & set(RETRIEVAL_SOURCES)))
        if shared:
            raise ValueError(f"two of the fusion's scores are named '{shared[0]}'")
        unknown = sorted(set(self.fusion.sources or ()) - {*sources, *tasks})
        if unknown:
            there = ", ".join((*sources, *tasks))
            raise ValueError(f"fusion.sources names '{unknown[0]}'; there are {there}")
        return self

    @model_validator(mode="after")
    def _the_gate_asks_for_what_is_measured(self) -> RunConfig:
        for threshold in self.gate.lists:
            for feature in threshold.slice:
                if feature not in self.evaluation.slice_features:
                    there = ", ".join(self.evaluation.slice_features)
                    raise ValueError(f"gate.lists: there are no slices by '{feature}'; there are {there}")
        self.gate.ranking.check_tasks(self.ranking.tasks)
        return self

    @model_validator(mode="after")
    def _spans_are_the_splits(self) -> RunConfig:
        in_spans = isinstance(self.data, CsvSource) and self.data.interactions.spans is not None
        if in_spans and "split" in self.model_fields_set:
            raise ValueError("split: data.interactions.spans says which spans train, evaluate and test")
        return self

    @property
    def run_dir(self) -> Path:
        """Folder that holds everything this pipeline writes."""
        return self.output / self.name

    @property
    def validation_dir(self) -> Path:
        """Folder of what the last validation without training wrote."""
        return self.run_dir / VALIDATION_DIR

    @property
    def checkpoints_dir(self) -> Path:
        """Folder of what a training that is killed goes on from."""
        return self.run_dir / CHECKPOINTS_DIR

    @property
    def tuning_dir(self) -> Path:
        """Folder of the searches for hyperparameters."""
        return self.run_dir / TUNING_DIR

    @property
    def metadata_file(self) -> Path:
        """SQLite database of ML Metadata."""
        return self.run_dir / METADATA_FILE

    @property
    def steps_dir(self) -> Path:
        """Folder of one record a run: its steps, their time and memory."""
        return self.run_dir / STEPS_DIR

    @property
    def events_dir(self) -> Path:
        """Folder of the gateway's events: the log, a database a day, and the spans written out of it."""
        return self.run_dir / EVENTS_DIR

    @property
    def event_log_dir(self) -> Path:
        """Folder of the log's databases."""
        return self.events_dir / "log"

    @property
    def event_spans_dir(self) -> Path:
        """Folder of the spans."""
        return self.events_dir / EVENT_SPANS

    @property
    def bundle_dir(self) -> Path:
        """Folder of the pushed versions."""
        return self.run_dir / "bundle"


def load_config(path: Path, *changes: Path) -> RunConfig:
    """Reads and validates a configuration file.

    Args:
      path: A YAML file.
      *changes: YAML files of settings that take the place of those in `path`, mapping by mapping.

    Returns:
      The configuration, with the paths of input files made absolute.

    Raises:
      InputError: The file cannot be read, is not YAML, or breaks the model; the message names
        each key and what was expected.
    """
    raw = read_settings(path)
    for change in changes:
        raw = _merged(raw, read_settings(change))
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{path} is not a valid configuration:\n{explained(error)}") from error
    return _with_absolute_inputs(config, path.resolve().parent)


def read_settings(path: Path) -> dict[str, Any]:
    """A YAML file's settings.

    Raises:
      InputError: It cannot be read, or holds no mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a YAML file: {error}") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path} must hold a mapping of settings, not {type(raw).__name__}")
    return raw


def _merged(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Settings with others in their place; mappings are merged, anything else is replaced."""
    merged = dict(settings)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(settings.get(key), dict)
        merged[key] = _merged(settings[key], value) if both else value
    return merged


def explained(error: ValidationError) -> str:
    """One line a problem: the dotted key and what was wrong with it."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
        if problem["type"] == "extra_forbidden":
            lines.append(f"  {key}: unknown key")
        elif problem["type"] == "missing":
            lines.append(f"  {key}: missing")
        else:
            lines.append(f"  {key}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def _with_absolute_inputs(config: RunConfig, base: Path) -> RunConfig:
    """Takes relative input paths from `base`, the configuration file's folder."""
    changes: dict[str, Any] = {"data": _absolute_source(config.data, base)}
    if config.schema_dir is not None:
        changes["schema_dir"] = base / config.schema_dir
    if config.privacy.key_file is not None:
        key_file = base / config.privacy.key_file
        changes["privacy"] = config.privacy.model_copy(update={"key_file": key_file})
    if config.feedback is not None and config.feedback.path is not None:
        spans = base / config.feedback.path
        changes["feedback"] = config.feedback.model_copy(update={"path": spans})
    if config.gateway.keys_file is not None:
        keys_file = base / config.gateway.keys_file
        changes["gateway"] = config.gateway.model_copy(update={"keys_file": keys_file})
    folder = config.text.folder()
    if folder is not None:
        changes["text"] = config.text.model_copy(update={"weights": str(base / folder)})
    if config.validation.served_requests is not None:
        requests = base / config.validation.served_requests
        changes["validation"] = config.validation.model_copy(update={"served_requests": requests})
    changes["item_vectors"] = {
        name: file.model_copy(update={"path": base / file.path}) for name, file in config.item_vectors.items()
    }
    return config.model_copy(update=changes)


def _absolute_source(source: DataSource, base: Path) -> DataSource:
    """The source with its paths taken from `base`."""
    changes: dict[str, Any] = {}
    if isinstance(source, CsvSource):
        changes = {
            name: file.model_copy(update={"path": base / file.path})
            for name, file in (
                ("interactions", source.interactions),
                ("items", source.items),
                ("users", source.users),
            )
            if file is not None
        }
    elif isinstance(source, MovieLensLatestSource | MindSource):
        changes["folder"] = base / source.folder
        if isinstance(source, MovieLensLatestSource) and source.item_text is not None:
            changes["item_text"] = base / source.item_text
    elif isinstance(source, CustomSource):
        paths = {name: str(base / source.options[name]) for name in source.paths}
        changes["options"] = {**source.options, **paths}
    return source.model_copy(update=changes)
