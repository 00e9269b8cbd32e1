"""The compiled pipeline beside the graph that runs locally."""

import json

import pytest
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.utils import name_utils

from pipeline.errors import InputError
from pipeline.graph import create_pipeline
from pipeline.runners.compiled_pipeline import COMMAND, task_name
from pipeline.runners.kubeflow import kubeflow_documents
from pipeline.runners.vertex import vertex_job
from pipeline.schema_files import schema_files
from tests.pipeline.runners.compiled_world import IMAGE, ROOT, CompiledWorld, container_of, tasks_of

pytestmark = pytest.mark.slow  # TFX is imported

REPLACED = "LastBlessedBundle"
KEYS = ("producerTask", "outputArtifactKey")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return CompiledWorld(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def local(world):
    """The steps of a local run, by their ids."""
    config = world.config()
    schemas = schema_files(config, world.data)
    pipeline = create_pipeline(config, world.data, schemas, world.folder / "metadata.sqlite")
    return {node.id: node for node in pipeline.components}


@pytest.fixture(scope="module")
def compiled(world):
    return world.compile()


def test_the_steps_are_those_of_a_local_run(local, compiled):
    assert set(tasks_of(compiled.spec)) == {task_name(node_id) for node_id in local}
    assert compiled.node_ids == {task_name(node_id): node_id for node_id in local}
    for node_id, node in local.items():
        args = container_of(compiled.spec, task_name(node_id))["args"]
        executor = args[args.index("--executor_class_path") + 1]
        if node_id == REPLACED:
            assert executor == "serving.components.last_pushed_bundle.LastPushedBundle_Executor"
        else:
            assert executor == name_utils.get_full_name(node.executor_spec.executor_class)


def test_trainings_elsewhere_start_anew(world, compiled):
    assert world.compile(training={"warm_start": True}).spec == compiled.spec


def test_no_name_has_what_argo_takes_for_something_else(compiled):
    labels = compiled.spec["deploymentSpec"]["executors"]
    assert not [name for name in (*tasks_of(compiled.spec), *labels) if "." in name]


def test_the_edges_are_those_of_a_local_run(local, compiled):
    edges = 0
    for node_id, node in local.items():
        task = tasks_of(compiled.spec)[task_name(node_id)]
        wanted = task.get("inputs", {}).get("artifacts", {})
        came = {name: tuple(w["taskOutputArtifact"][key] for key in KEYS) for name, w in wanted.items()}
        if node_id == REPLACED:  # what the resolver asks ML Metadata for comes from no step
            expected = {"candidate": ("Bundler", "bundle")}
        else:
            expected = {name: _source(channel) for name, channel in node.inputs.items()}
        assert came == expected, node_id
        before = {task_name(other.id) for other in node.upstream_nodes}
        assert set(task.get("dependentTasks", [])) == before, node_id
        edges += len(came)
    assert edges > 50


def _source(channel):
    """The task that an input comes from, and its output."""
    resolved = not hasattr(channel, "producer_component_id")
    producer = REPLACED if resolved else channel.producer_component_id
    return producer and task_name(producer), channel.output_key


def test_every_step_runs_in_the_image_by_the_entry_point(compiled):
    for task in tasks_of(compiled.spec):
        container = container_of(compiled.spec, task)
        assert container["image"] == IMAGE
        assert tuple(container["command"]) == COMMAND
        assert container["args"].count("{{$}}") == 1
        spec = container["args"][container["args"].index("--json_serialized_inputs_spec_args") + 1]
        described = compiled.spec["components"][task].get("inputDefinitions", {})
        assert json.loads(spec) == described
        assert "lifecycle" not in container


def test_what_steps_are_told_is_what_they_are_told_locally_but_for_paths(local, compiled, world):
    config = world.config()
    addresses = {str(file.local): file.parameter for file in compiled.files}
    moved = {
        str(config.bundle_dir): f"{ROOT}/bundle",
        str(config.checkpoints_dir / "RetrievalTrainer"): f"{ROOT}/checkpoints/RetrievalTrainer",
        str(config.checkpoints_dir / "RankingTrainer"): f"{ROOT}/checkpoints/RankingTrainer",
    }
    told, runtime = 0, set()
    for node_id, node in local.items():
        if node_id == REPLACED:
            continue
        parameters = tasks_of(compiled.spec)[task_name(node_id)].get("inputs", {}).get("parameters", {})
        expected = {name: value for name, value in node.exec_properties.items() if value is not None}
        assert set(parameters) == set(expected)
        for name, value in expected.items():
            told += 1
            if value in addresses or name == "baseline":
                parameter = parameters[name]["componentInputParameter"]
                stream = node_id.partition(".")[0]
                assert parameter == addresses.get(value, f"{stream}_baseline_uri")
                runtime.add(parameter)
            else:
                assert parameters[name]["runtimeValue"]["constant"] == moved.get(value, value), (
                    node_id,
                    name,
                )
    assert told > 60
    assert runtime == set(compiled.parameters)


def test_no_path_of_this_machine_is_left(compiled, world):
    text = json.dumps(compiled.spec)
    assert str(world.folder) not in text
    assert "nowhere" not in text


def test_a_path_that_nobody_relocates_is_a_fault(world):
    from pipeline.runners.cloud_graph import cloud_pipeline

    config = world.config()
    schemas = schema_files(config, world.data)
    with pytest.raises(ValueError, match=r"ExampleGen: the parameter input_base is a path of this machine"):
        cloud_pipeline(config, world.data, schemas, config.cloud, [])


def test_data_are_parameters_with_addresses_by_content(compiled, world):
    root = f"{ROOT}/data/{world.data.root.name}"
    values = compiled.parameters
    assert values["interactions_uri"] == f"{root}/interactions"
    assert values["items_uri"] == f"{root}/items"
    assert values["users_uri"] == f"{root}/users.parquet"
    assert values["histories_uri"] == f"{root}/histories.parquet"
    assert values["items_baseline_uri"] == values["interactions_baseline_uri"] == ""
    assert values["items_schema_uri"] != values["interactions_schema_uri"]
    defined = compiled.spec["root"]["inputDefinitions"]["parameters"]
    assert {name: d["defaultValue"] for name, d in defined.items()} == values
    assert {d["parameterType"] for d in defined.values()} == {"STRING"}


def test_what_acts_on_the_outside_is_never_cached(compiled, world):
    def uncached(spec):
        return {n for n, task in tasks_of(spec).items() if not task["cachingOptions"].get("enableCache")}

    assert uncached(compiled.spec) == {"LastBlessedBundle", "Pusher"}
    watching = world.compile({"served_requests": "gs://bucket/requests"})
    assert uncached(watching.spec) == {"LastBlessedBundle", "Pusher", "interactions-DriftValidator"}
    told = tasks_of(watching.spec)["interactions-DriftValidator"]["inputs"]["parameters"]["requests"]
    assert told["runtimeValue"]["constant"] == "gs://bucket/requests"


def test_without_drift_there_is_nothing_to_compare_with(world):
    compiled = world.compile(validation={"drift": False})
    assert not [name for name in compiled.parameters if "baseline" in name]


def test_beam_steps_run_in_their_container_or_on_dataflow(local, compiled, world):
    beam = {
        task_name(node_id)
        for node_id, node in local.items()
        if isinstance(node.executor_spec, BeamExecutorSpec)
    }
    dataflow = {
        "machine_type": "n2-highmem-4",
        "max_workers": 7,
        "subnetwork": "regions/r/subnetworks/s",
        "public_ips": False,
    }
    cloud = {"dataflow": dataflow, "service_account": "who@p.iam.gserviceaccount.com"}
    elsewhere = world.compile(cloud)
    expected = {
        "--runner=DataflowRunner",
        "--project=p",
        "--region=europe-west4",
        f"--temp_location={ROOT}/temp",
        f"--sdk_container_image={IMAGE}",
        "--experiments=use_runner_v2",
        "--max_num_workers=7",
        "--worker_machine_type=n2-highmem-4",
        "--subnetwork=regions/r/subnetworks/s",
        "--service_account_email=who@p.iam.gserviceaccount.com",
        "--no_use_public_ips",
    }
    on_dataflow = set()
    for task in tasks_of(compiled.spec):
        here, there = (
            set(container_of(c.spec, task)["args"][6:])  # behind TFX's own three
            for c in (compiled, elsewhere)
        )
        assert ("--runner=DirectRunner" in here) == (task in beam)
        if "--runner=DataflowRunner" in there:
            assert there == expected
            on_dataflow.add(task)
        else:
            assert there == here
    assert beam - on_dataflow == {"interactions-DriftValidator", "items-DriftValidator"}


def test_a_refit_is_compiled_as_well(world):
    compiled = world.compile(training={"refit": True})
    assert {"RetrievalRefit", "RankingRefit", "CollaborativeRefit"} <= set(tasks_of(compiled.spec))
    assert compiled.trainers >= {"RetrievalRefit", "RankingRefit"}


@pytest.mark.parametrize(
    ("runner", "cloud", "changes", "message"),
    [
        ("vertex", {"project": None}, {}, r"Vertex AI needs cloud\.project"),
        ("vertex", {"root": "s3://b/r"}, {}, r"cloud\.root: Vertex AI reads and writes gs://"),
        ("kubeflow", {"trainers": {"replicas": 2}}, {}, r"cloud\.trainers\.replicas is 2"),
        ("kubeflow", {}, {"text": {"weights": "bert"}}, r"text\.weights: .*bert is a folder of this machine"),
        (
            "kubeflow",
            {},
            {"validation": {"served_requests": "log"}},
            r"name the requests' address as cloud\.served",
        ),
    ],
)
def test_what_a_platform_cannot_run_is_a_message(world, runner, cloud, changes, message):
    with pytest.raises(InputError, match=message):
        world.written(runner, cloud, **changes)


def test_a_platforms_form_leaves_the_pipeline_as_it_was(world):
    compiled = world.compile()
    before = json.dumps(compiled.spec)
    assert vertex_job(compiled) == vertex_job(compiled)
    assert kubeflow_documents(compiled) == kubeflow_documents(compiled)
    assert json.dumps(compiled.spec) == before


def test_values_of_parameters_are_the_defaults_as_well(world):
    compiled = world.compile()
    told = compiled.with_parameters({"items_uri": "gs://b/other", "unheard_of": "x"})
    assert told.parameters == {**compiled.parameters, "items_uri": "gs://b/other"}
    defined = told.spec["root"]["inputDefinitions"]["parameters"]
    assert {name: d["defaultValue"] for name, d in defined.items()} == told.parameters
    assert compiled.parameters["items_uri"] != "gs://b/other"
