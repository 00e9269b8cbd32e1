"""Our server, with the models `half_plus_two`, `echo`, and `text`, which gives back strings by default."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent import futures
from dataclasses import dataclass

import grpc
import tensorflow as tf
import uvicorn
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.grpc_services import add_services
from serving.server.inference import Inference
from serving.server.model_manager import ModelManager
from serving.server.rest_app import rest_app
from tests.serving.server.echo_model import write_echo_model
from tests.serving.server.half_plus_two import write_half_plus_two

CONFIG = """
model_config_list {{
  config {{
    name: "half_plus_two"
    base_path: "{folder}/half_plus_two"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 1 }}
  }}
  config {{ name: "echo" base_path: "{folder}/echo" model_platform: "tensorflow" }}
  config {{ name: "text" base_path: "{folder}/text" model_platform: "tensorflow" }}
}}
"""


@dataclass(frozen=True)
class Served:
    """Ports of a server on 127.0.0.1."""

    grpc_port: int
    rest_port: int

    @property
    def grpc_address(self):
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.rest_port}"


@contextlib.contextmanager
def serve_models(folder):
    """Yields where they are served."""
    for version in (1, 2):
        write_half_plus_two(folder / "half_plus_two" / str(version), offset=version + 1.0)
    write_echo_model(folder / "echo" / "1")
    _write_text_model(folder / "text" / "1")
    config = text_format.Parse(CONFIG.format(folder=folder), model_server_config_pb2.ModelServerConfig())
    manager = ModelManager(config)
    manager.start(timeout=60)
    inference = Inference(manager)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    add_services(server, inference, manager)
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = uvicorn.Config(rest_app(inference), port=0, lifespan="off", log_config=None, ws="none")
    http = uvicorn.Server(settings)
    thread = threading.Thread(target=http.run)
    thread.start()
    try:
        while not http.started:
            time.sleep(0.01)
        yield Served(grpc_port, http.servers[0].sockets[0].getsockname()[1])
    finally:
        http.should_exit = True
        thread.join()
        server.stop(None).wait()
        manager.stop()


def _write_text_model(folder):
    """Writes a SavedModel: `serving_default` from `x` to `y`."""
    module = tf.Module()
    echo = tf.function(lambda x: {"y": tf.identity(x)}, [tf.TensorSpec([None], tf.string, name="x")])
    tf.saved_model.save(module, str(folder), signatures=echo.get_concrete_function())
