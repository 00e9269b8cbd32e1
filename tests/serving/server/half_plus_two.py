"""The model by which servers of TensorFlow Serving's contract are compared: y = x / 2 + 2.

As in its tests, there is a signature of each method: `serving_default` (predict, `x` to `y`),
`classify_x_to_y`, `regress_x_to_y` and `regress_x_to_y2` (y2 = x / 2 + 3), which parse `tf.Example`, and
`regress_x2_to_y3`, whose input is a plain tensor. It restores variables, and reads an asset at its start.
"""

import os
import tempfile


def write_half_plus_two(folder, offset=2.0):
    """Writes the SavedModel, of TensorFlow 1's kind.

    Args:
      folder: Its folder, which must not be there yet.
      offset: What is added, so that versions can be told apart.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with tempfile.TemporaryDirectory() as scratch, v1.Session(graph=tf.Graph()) as session:
        half = v1.Variable(0.5, name="a")
        examples = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf.io.parse_example(
            examples,
            {
                "x": tf.io.FixedLenFeature([1], tf.float32),
                "x2": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0]),
            },
        )
        x = tf.identity(parsed["x"], name="x")
        x2 = tf.identity(parsed["x2"], name="x2")
        y = tf.identity(half * x + v1.Variable(offset, name="b"), name="y")
        y2 = tf.identity(half * x + v1.Variable(offset + 1, name="c"), name="y2")
        y3 = tf.identity(half * x2 + v1.Variable(offset + 1, name="c2"), name="y3")
        read_asset = _asset(v1, os.path.join(scratch, "foo.txt"))
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(os.fspath(folder))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            signature_def_map={
                "serving_default": _signature(v1, {"x": x}, {"y": y}, "predict"),
                "classify_x_to_y": _signature(v1, {"inputs": examples}, {"scores": y}, "classify"),
                "regress_x_to_y": _signature(v1, {"inputs": examples}, {"outputs": y}, "regress"),
                "regress_x_to_y2": _signature(v1, {"inputs": examples}, {"outputs": y2}, "regress"),
                "regress_x2_to_y3": _signature(v1, {"inputs": x2}, {"outputs": y3}, "regress"),
            },
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            main_op=read_asset,
        )
        builder.save()


def _asset(v1, path):
    """An op that reads an asset when the model is loaded."""
    import tensorflow as tf

    with open(path, "w", encoding="utf-8") as file:
        file.write("asset-file-contents")
    filename = tf.constant(path)
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, filename)
    content = v1.Variable("", name="asset", trainable=False, collections=[])
    return tf.group(content.assign(tf.io.read_file(filename)))


def _signature(v1, inputs, outputs, method):
    def info(tensors):
        return {name: v1.saved_model.build_tensor_info(tensor) for name, tensor in tensors.items()}

    return v1.saved_model.build_signature_def(info(inputs), info(outputs), f"tensorflow/serving/{method}")
