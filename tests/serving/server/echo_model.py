"""A model that gives back what it is given, in as many ways as a contract has sides."""

import os

TYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "string",
)


def write_echo_model(folder):
    """Writes the SavedModel, of TensorFlow 1's kind, which takes less time to write.

    Its signatures: `serving_default` (`x` float32), `type_T` for each type (`x`), `several` (`a` float32,
    `b` string), `defaults` (`x` and `scale` float32, by default 2), `scalar` (the sum of `x`), `uneven` (`x`
    and its first row), `empty` (no row of `x`), `text` (`x` string, also as `x_bytes`), `constant` (no
    input) and `slow` (`x` int32 is how many milliseconds it computes).

    Args:
      folder: Its folder, which must not be there yet.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        inputs = {name: v1.placeholder(name, name=f"in_{name}") for name in TYPES}
        echoes = {name: tf.identity(tensor) for name, tensor in inputs.items()}
        x, text = inputs["float32"], inputs["string"]
        scale = v1.placeholder(tf.float32, [], name="scale")
        signatures = {f"type_{name}": ({"x": inputs[name]}, {"y": echoes[name]}) for name in TYPES} | {
            "serving_default": ({"x": x}, {"y": echoes["float32"]}),
            "several": ({"a": x, "b": text}, {"a": echoes["float32"], "b": echoes["string"]}),
            "defaults": ({"x": x, "scale": scale}, {"y": x * scale}),
            "scalar": ({"x": x}, {"y": tf.reduce_sum(x)}),
            "uneven": ({"x": x}, {"y": echoes["float32"], "z": x[:1]}),
            "empty": ({"x": x}, {"y": x[:0]}),
            "text": ({"x": text}, {"x": echoes["string"], "x_bytes": echoes["string"]}),
            "constant": ({}, {"y": tf.constant([1.0])}),
            "slow": ({"x": inputs["int32"]}, {"y": _slow(inputs["int32"])}),
        }
        definitions = {name: _signature(v1, *tensors) for name, tensors in signatures.items()}
        definitions["defaults"].defaults["scale"].CopyFrom(tf.make_tensor_proto(2.0))
        builder = v1.saved_model.Builder(os.fspath(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=definitions)
        builder.save()


def _slow(milliseconds):
    """Multiplies matrices until the time is over."""
    import tensorflow as tf

    end = tf.timestamp() + tf.cast(milliseconds, tf.float64) / 1000
    square = tf.fill([256, 256], 1 / 256)
    (square,) = tf.while_loop(lambda _: tf.timestamp() < end, lambda square: (square @ square,), (square,))
    return square[:1, 0]


def _signature(v1, inputs, outputs):
    def info(tensors):
        return {name: v1.saved_model.build_tensor_info(tensor) for name, tensor in tensors.items()}

    return v1.saved_model.build_signature_def(info(inputs), info(outputs), "tensorflow/serving/predict")
