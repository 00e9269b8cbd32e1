"""Our server, with the models `half_plus_two`, `echo`, and `text`, which gives back strings by default."""

from __future__ import annotations

import contextlib

import tensorflow as tf

from serving.server.server import Server
from serving.server.server_options import ServerOptions
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


def write_models(folder):
    """Writes the models and a `models.config`, whose path is returned."""
    for version in (1, 2):
        write_half_plus_two(folder / "half_plus_two" / str(version), offset=version + 1.0)
    write_echo_model(folder / "echo" / "1")
    _write_text_model(folder / "text" / "1")
    path = folder / "models.config"
    path.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return path


@contextlib.contextmanager
def serve(**options):
    """Yields a server on free ports."""
    server = Server(ServerOptions(grpc_port=0, rest_port=0, **options))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def grpc_address(server):
    """Where its gRPC is."""
    return f"127.0.0.1:{server.grpc_port}"


def rest_url(server, scheme="http"):
    """Where its REST is."""
    return f"{scheme}://127.0.0.1:{server.rest_port}"


def _write_text_model(folder):
    """Writes a SavedModel: `serving_default` from `x` to `y`."""
    echo = tf.function(lambda x: {"y": tf.identity(x)}, [tf.TensorSpec([None], tf.string, name="x")])
    tf.saved_model.save(tf.Module(), str(folder), signatures=echo.get_concrete_function())
