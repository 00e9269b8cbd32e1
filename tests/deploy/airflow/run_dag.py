"""Imports the DAG in Airflow's environment and prints it; with `--run`, runs it there."""

import contextlib
import json
import sys

sys.path.insert(0, sys.argv[1])

with contextlib.redirect_stdout(sys.stderr):  # Airflow talks
    from recstack_dag import dag

    state = None
    if "--run" in sys.argv:
        from airflow.utils.db import initdb

        initdb()
        state = str(dag.test().state)
    edges = {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks}
    commands = {task.task_id: task.bash_command for task in dag.tasks}
sys.stdout.write(json.dumps({"id": dag.dag_id, "edges": edges, "commands": commands, "state": state}))
