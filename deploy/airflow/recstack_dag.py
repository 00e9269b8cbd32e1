"""A compiled pipeline as an Airflow DAG: a task a step, in the order that the compiled pipeline has.

Put this file into Airflow's folder of DAGs. It reads two variables of the environment:

    RECSTACK_JOB     the file that `recstack compile` wrote, for either platform
    RECSTACK_PYTHON  what runs Python where recstack is installed; by default `python`. A container is
                     `docker run --rm -v /jobs:/jobs IMAGE python`
"""

import os
import shlex
from datetime import datetime, timezone
from pathlib import Path

import yaml
from airflow import DAG
from airflow.operators.bash import BashOperator

JOB_VARIABLE, PYTHON_VARIABLE = "RECSTACK_JOB", "RECSTACK_PYTHON"
_RUN_ID = "{{ ts_nodash }}"  # Airflow fills it in


def recstack_dag(job: Path, python: str) -> DAG:
    """Makes the DAG.

    Args:
      job: What `recstack compile` wrote; JSON or YAML.
      python: A command line that runs Python where recstack is installed.
    """
    document = next(iter(yaml.safe_load_all(job.read_text(encoding="utf-8"))))  # JSON is YAML, too
    spec = document.get("pipelineSpec", document)
    tasks = spec["root"]["dag"]["tasks"]
    with DAG(
        dag_id=spec["pipelineInfo"]["name"],
        start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
        schedule=None,
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2},
    ) as dag:
        operators = {name: _operator(name, job, python) for name in tasks}
        for name, task in tasks.items():
            for before in task.get("dependentTasks", []):
                operators[before] >> operators[name]
    return dag


def _operator(task: str, job: Path, python: str) -> BashOperator:
    """One step as a process."""
    words = ["-m", "pipeline.runners.launch_step", "--job", str(job), "--task", task]
    return BashOperator(task_id=task, bash_command=f"{python} {shlex.join(words)} --run-id {_RUN_ID}")


dag = recstack_dag(Path(os.environ[JOB_VARIABLE]), os.environ.get(PYTHON_VARIABLE, "python"))
