"""The manager of models, with real ones on a real disk."""

import shutil
import threading
import time

import numpy as np
import pytest
from tensorflow_serving.config import model_server_config_pb2

from serving.server.manager_options import ManagerOptions
from serving.server.model_config import single_model_config
from serving.server.model_manager import ModelManager
from serving.server.status import Code, ServingError
from tests.serving.server.half_plus_two import write_half_plus_two

QUICK = ManagerOptions(
    file_system_poll_wait_seconds=0.05, max_num_load_retries=1, load_retry_interval_seconds=0.1
)
PATIENCE = 20


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A SavedModel to copy versions from."""
    path = tmp_path_factory.mktemp("exported") / "model"
    write_half_plus_two(path)
    return path


@pytest.fixture
def base(tmp_path):
    path = tmp_path / "half_plus_two"
    path.mkdir()
    return path


@pytest.fixture
def push(base, exported, tmp_path):
    """Adds a version at once, as a careful pusher does."""

    def add(version, to=base):
        shutil.copytree(exported, tmp_path / "staging")
        (tmp_path / "staging").rename(to / str(version))

    return add


@pytest.fixture
def manage():
    """Starts managers, and stops them in the end."""
    started = []

    def start(config, options=QUICK, **kwargs):
        manager = ModelManager(config, options, **kwargs)
        started.append(manager)
        manager.start(PATIENCE)
        return manager

    yield start
    for manager in started:
        manager.stop()


def config_of(base, policy="", labels=None, name="half_plus_two"):
    config = single_model_config(name, base)
    (model,) = config.model_config_list.config
    if policy == "all":
        model.model_version_policy.all.SetInParent()
    elif isinstance(policy, int):
        model.model_version_policy.latest.num_versions = policy
    elif policy:
        model.model_version_policy.specific.versions.extend(policy)
    model.version_labels.update(labels or {})
    return config


def ask(servable, x=2.0):
    signature = servable.signature_defs["serving_default"]
    feeds = {signature.inputs["x"].name: np.float32([[x]])}
    (values,) = servable.run("serving_default", feeds, [signature.outputs["y"].name])
    return values.item()


def states(manager, name="half_plus_two"):
    return {state.version: state.state for state in manager.states(name)}


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def code_of(call, *args, **kwargs):
    with pytest.raises(ServingError) as raised, call(*args, **kwargs):
        pass
    return raised.value.code


def test_the_newest_version_is_served(base, push, manage):
    for version in (1, "00000123", 7):
        push(version)
    (base / "not-a-number").mkdir()
    (base / "9").write_text("no folder")
    manager = manage(config_of(base))
    assert states(manager) == {123: "AVAILABLE"}
    with manager.lease("half_plus_two") as servable:
        assert (servable.version, ask(servable)) == (123, 3.0)


@pytest.mark.parametrize(
    ("policy", "served"), [(2, {7, 3}), ("all", {7, 3, 1}), ([1, 3, 50], {3, 1})], ids=str
)
def test_policies(base, push, manage, policy, served):
    for version in (1, 3, 7):
        push(version)
    manager = manage(config_of(base, policy))
    wait_until(lambda: states(manager) == dict.fromkeys(served, "AVAILABLE"))


def test_of_two_that_are_alike_one_is_served_and_it_is_said(base, push, manage, caplog):
    push("7")
    push("07")
    manager = manage(config_of(base))
    assert states(manager) == {7: "AVAILABLE"}
    assert "Duplicate version directories detected" in caplog.text


def test_a_new_version_is_loaded_before_the_old_one_goes(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    push(2)
    seen = []
    while states(manager) != {2: "AVAILABLE", 1: "END"}:
        with manager.lease("half_plus_two") as servable:  # there is one at any time
            seen.append(servable.version)
    assert seen == sorted(seen)
    assert set(seen) <= {1, 2}


def test_a_version_in_use_stays_until_the_call_ends(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    with manager.lease("half_plus_two") as old:
        push(2)
        wait_until(lambda: states(manager) == {2: "AVAILABLE", 1: "UNLOADING"})
        assert ask(old) == 3.0
        assert code_of(manager.lease, "half_plus_two", 1) == Code.NOT_FOUND
    wait_until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})


def test_the_last_version_deleted_is_unloaded_and_may_come_back(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    shutil.rmtree(base / "1")
    wait_until(lambda: states(manager) == {1: "END"})
    with pytest.raises(ServingError, match=r"Servable not found for request: Latest\(half_plus_two\)"):
        manager._take("half_plus_two", None, None)
    push(1)
    wait_until(lambda: states(manager) == {1: "AVAILABLE"})


def test_a_folder_that_is_gone_for_a_moment_unloads_nothing(base, push, manage, caplog):
    push(1)
    manager = manage(config_of(base))
    base.rename(base.with_name("elsewhere"))
    wait_until(lambda: "Could not find base path" in caplog.text)
    assert states(manager) == {1: "AVAILABLE"}


def test_a_version_that_cannot_be_loaded_leaves_the_old_one(base, push, manage, tmp_path):
    push(1)
    manager = manage(config_of(base))
    (base / "2").mkdir()  # half-copied: no saved_model.pb yet
    wait_until(lambda: states(manager) == {2: "END", 1: "AVAILABLE"})
    (broken,) = manager.states("half_plus_two", 2)
    assert broken.code == Code.NOT_FOUND
    assert "Could not find SavedModel" in broken.message
    with manager.lease("half_plus_two") as servable:
        assert servable.version == 1


def test_a_version_that_is_whole_at_the_next_try_is_served(base, exported, manage):
    (base / "1").mkdir()
    (base / "1" / "variables").mkdir()
    patient = QUICK.model_copy(update={"max_num_load_retries": 100})

    def finish():
        shutil.copytree(exported, base / "1", dirs_exist_ok=True)

    threading.Timer(0.3, finish).start()
    manager = manage(config_of(base), patient)
    assert states(manager) == {1: "AVAILABLE"}
    assert manager.states("half_plus_two")[0].code == Code.OK


def test_it_does_not_start_without_a_version_that_can_be_loaded(base, manage):
    (base / "1").mkdir()
    with pytest.raises(
        ServingError, match="1 model\\(s\\) did not become available.*Could not find SavedModel"
    ):
        manage(config_of(base))


def test_it_starts_before_the_first_push(base, push, manage):
    manager = manage(config_of(base))
    assert manager.names() == ["half_plus_two"]
    push(1)
    wait_until(lambda: manager._models["half_plus_two"].available() is not None)


def test_what_there_is_not_is_said_in_the_fields_words(base, push, manage):
    push(1)
    manager = manage(config_of(base, labels={"stable": 1}))
    for arguments, message in [
        (("nobody", None, None), r"Servable not found for request: Latest\(nobody\)"),
        (("half_plus_two", 50, None), r"Servable not found for request: Specific\(half_plus_two, 50\)"),
        (("half_plus_two", None, "x"), "Unrecognized servable version label: x"),
    ]:
        with pytest.raises(ServingError, match=message):
            manager._take(*arguments)
    for arguments, message in [
        (("nobody",), "Could not find any versions of model nobody"),
        (("half_plus_two", 50), "Could not find version 50 of model half_plus_two"),
        (("half_plus_two", None, "x"), "Unrecognized servable version label: x"),
    ]:
        with pytest.raises(ServingError, match=message):
            manager.states(*arguments)


def test_roll_back_by_label(base, push, manage):
    push(1)
    push(2)
    manager = manage(config_of(base, "all", {"stable": 2}))
    wait_until(lambda: len(states(manager)) == 2 and set(states(manager).values()) == {"AVAILABLE"})
    manager.reload(config_of(base, "all", {"stable": 1, "canary": 2}))
    for label, version in [("stable", 1), ("canary", 2)]:
        with manager.lease("half_plus_two", label=label) as servable:
            assert servable.version == version
    assert manager.states("half_plus_two", label="stable")[0].version == 1
    with pytest.raises(ServingError, match="version 3 .* not currently available for inference") as raised:
        manager.reload(config_of(base, "all", {"stable": 3}))
    assert raised.value.code == Code.FAILED_PRECONDITION
    with manager.lease("half_plus_two", label="stable") as servable:
        assert servable.version == 1


def test_a_reload_replaces_the_whole_set(base, push, manage, tmp_path):
    push(1)
    manager = manage(config_of(base))
    other = tmp_path / "other"
    other.mkdir()
    push(5, other)
    manager.reload(config_of(other, name="other"))
    with manager.lease("other") as servable:
        assert servable.version == 5
    wait_until(lambda: states(manager) == {1: "END"})
    assert manager.names() == ["other"]
    with pytest.raises(ServingError, match="did not become available") as raised:
        manager.reload(config_of(tmp_path / "nowhere", name="third"))
    assert raised.value.code == Code.UNKNOWN


def test_a_configuration_made_anew_moves_a_label_once_its_version_is_there(base, push, manage):
    push(1)
    wanted = [1]
    manager = manage(lambda: config_of(base, sorted({*wanted}), {"canary": wanted[-1]}))
    (base / "2").mkdir()
    wanted[:] = [2]  # the label's new version is the only one wanted, and is not whole yet
    wait_until(lambda: 2 in states(manager))
    with manager.lease("half_plus_two", label="canary") as servable:
        assert servable.version == 1
    (base / "2").rmdir()
    wait_until(lambda: states(manager)[2] == "END")
    push(2)
    wait_until(lambda: states(manager) == {2: "AVAILABLE", 1: "END"})
    with manager.lease("half_plus_two", label="canary") as servable:
        assert servable.version == 2


def test_swaps_while_leased(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    done, failed, answered = threading.Event(), [], []

    def call():
        while not done.is_set():
            try:
                with manager.lease("half_plus_two") as servable:
                    assert ask(servable) == 3.0
                answered.append(servable.version)
            except Exception as error:  # whatever it is, it fails the test
                failed.append(error)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    for version in range(2, 8):
        push(version)
        wait_until(lambda version=version: states(manager).get(version) == "AVAILABLE")
    done.set()
    for caller in callers:
        caller.join()
    assert not failed
    assert len(set(answered)) > 3


def test_stop_waits_for_calls(base, push):
    push(1)
    manager = ModelManager(config_of(base), QUICK)
    manager.start(PATIENCE)
    with manager.lease("half_plus_two") as servable:
        stopping = threading.Thread(target=manager.stop)
        stopping.start()
        wait_until(lambda: states(manager) == {1: "UNLOADING"})
        assert ask(servable) == 3.0
    stopping.join(PATIENCE)
    assert states(manager) == {1: "END"}


def test_configurations_that_are_wrong(base):
    def wrong(change, message):
        config = config_of(base)
        change(config.model_config_list.config)
        with pytest.raises(ServingError, match=message) as raised:
            ModelManager(config)
        assert raised.value.code == Code.INVALID_ARGUMENT

    wrong(lambda models: setattr(models[0], "base_path", "a/b"), "to have an absolute path or URI; got base")
    wrong(lambda models: models.add().CopyFrom(models[0]), "half_plus_two multiple times in config list")
    wrong(lambda models: setattr(models[0], "name", ""), "to have a name")
    wrong(lambda models: setattr(models[0], "model_platform", ""), "Illegal setting neither")
    wrong(lambda models: setattr(models[0], "model_platform", "caffe"), "unknown platform caffe")


def test_a_model_keeps_its_platform(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    changed = config_of(base)
    changed.model_config_list.config[0].model_platform = "caffe"
    with pytest.raises(ServingError, match="Illegal to change a model's platform"):
        manager.reload(changed)


def test_an_empty_configuration_is_refused(base, push, manage):
    push(1)
    manager = manage(config_of(base))
    with pytest.raises(ServingError) as raised:
        manager.reload(model_server_config_pb2.ModelServerConfig())
    assert raised.value.code == Code.FAILED_PRECONDITION
    assert states(manager) == {1: "AVAILABLE"}
