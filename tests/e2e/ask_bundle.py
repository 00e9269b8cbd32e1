"""Asks a bundle as a server would: a process that has TensorFlow, TF Text and ScaNN, and nothing of ours.

Takes the folder of the models and the version, reads JSON requests from standard input, a line each
(`model`, `signature`, `inputs`, where a list of dictionaries is a batch of `tf.Example`s), and writes the
answers the same way.
"""

import json
import sys
from pathlib import Path

import scann  # noqa: F401
import tensorflow as tf
import tensorflow_text  # noqa: F401
from tensorflow.core.protobuf import saved_model_pb2

OURS = ("schemas", "pipeline", "trainer", "serving", "gateway")


def example(features):
    """A serialized `tf.Example` of texts, integers and floats, or lists of them."""
    message = tf.train.Example()
    for name, values in features.items():
        values = values if isinstance(values, list) else [values]
        feature = message.features.feature[name]
        for value in values:
            if isinstance(value, str):
                feature.bytes_list.value.append(value.encode())
            elif isinstance(value, float):
                feature.float_list.value.append(value)
            else:
                feature.int64_list.value.append(value)
    return message.SerializeToString()


def tensor(value, spec):
    """An input of a signature."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = [example(features) for features in value]
    return tf.constant(value, spec.dtype)


def plain(values):
    """An output as JSON has it."""
    return [plain(v) for v in values] if isinstance(values, list) else _text(values)


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


def exported_defaults(folder):
    """Of each signature, what inputs are that are not given: a server fills them in."""
    saved_model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return {
        name: {key: tf.constant(tf.make_ndarray(value)) for key, value in signature.defaults.items()}
        for name, signature in saved_model.meta_graphs[0].signature_def.items()
    }


def main():
    models, version = Path(sys.argv[1]), sys.argv[2]
    loaded = {path.name: tf.saved_model.load(str(path / version)) for path in models.iterdir()}
    defaults = {path.name: exported_defaults(path / version) for path in models.iterdir()}
    for line in sys.stdin:
        request = json.loads(line)
        signature = loaded[request["model"]].signatures[request["signature"]]
        specs = signature.structured_input_signature[1]
        inputs = {name: tensor(value, specs[name]) for name, value in request["inputs"].items()}
        inputs = {**defaults[request["model"]][request["signature"]], **inputs}
        answer = {name: plain(values.numpy().tolist()) for name, values in signature(**inputs).items()}
        sys.stdout.write(json.dumps(answer) + "\n")
    assert not [name for name in sys.modules if name.split(".")[0] in OURS]
    sys.stdout.write(json.dumps("only TensorFlow, TF Text and ScaNN"))


if __name__ == "__main__":
    main()
