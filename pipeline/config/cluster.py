"""The machines that train one model together."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import InputError

CHIEF, WORKER = "chief", "worker"


class _Described(BaseModel):
    """A part of the description; who writes it may say more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Task(_Described):
    """Which of the machines this is.

    Attributes:
      type: `chief` or `worker`; other kinds train nothing.
      index: Its place among those of the type.
    """

    type: str
    index: int = Field(ge=0)


class Cluster(_Described):
    """Machines by the kind of their task, in the form of `TF_CONFIG`, which Vertex AI and Kubeflow set.

    Attributes:
      cluster: Kind of task to the addresses, host and port, of its machines.
      task: This machine.
    """

    cluster: dict[str, tuple[str, ...]]
    task: Task

    @classmethod
    def parse(cls, text: str, name: str) -> Cluster:
        """Reads the description.

        Args:
          text: JSON.
          name: Of where it came from, for messages.

        Raises:
          InputError: It is no such description.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or '(top level)'}: {problem['msg']}"
                for problem in error.errors()
            )
            raise InputError(
                f"{name} does not describe a cluster: {problems}\nit is JSON like "
                '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
            ) from error

    @model_validator(mode="after")
    def _is_of_the_cluster(self) -> Cluster:
        there = len(self.cluster.get(self.task.type, ()))
        if self.task.index >= there:
            raise ValueError(f"task {self.task.type} {self.task.index} is not there; of its type are {there}")
        if self.task.type not in (CHIEF, WORKER):
            raise ValueError(f"a task of type '{self.task.type}' trains nothing; '{CHIEF}' and '{WORKER}' do")
        return self

    @property
    def training(self) -> dict[str, tuple[str, ...]]:
        """The machines that train."""
        return {kind: self.cluster[kind] for kind in (CHIEF, WORKER) if self.cluster.get(kind)}

    @property
    def is_chief(self) -> bool:
        """Whether this machine writes what comes of the training: the chief, or the first worker."""
        return self.task.type == (CHIEF if self.cluster.get(CHIEF) else WORKER) and self.task.index == 0

    @property
    def rank(self) -> int:
        """Place of this machine among those that train, the chief's kind first."""
        machines = [(kind, i) for kind, addresses in self.training.items() for i in range(len(addresses))]
        return machines.index((self.task.type, self.task.index))

    @property
    def address(self) -> str:
        """Of this machine."""
        return self.cluster[self.task.type][self.task.index]
