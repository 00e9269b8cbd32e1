"""The ops of SavedModels, against TensorFlow's own registry."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from serving import ops as module
from serving.index import save_options
from serving.ops import lacking_ops, op_names, ops_by_library, read_saved_model
from tests.serving.small_bundle import search_module


def _saved(path, function):
    holder = tf.Module()
    holder.f = tf.function(function, autograph=False, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(holder, str(path))
    return op_names(read_saved_model(path))


def test_ops_inside_of_functions_are_found_and_functions_are_no_ops(tmp_path):
    inner = tf.function(tf.strings.lower, autograph=False)
    names = _saved(
        tmp_path, lambda x: tf.while_loop(lambda i: i < 2, lambda i: i + 1, [tf.size(inner(x))])[0]
    )
    assert {"StringLower", "Size", "Less", "AddV2"} <= set(names)
    assert {"StatelessWhile", "While"} & set(names)
    assert not [name for name in names if name.startswith("__")]
    assert names == sorted(set(names))
    assert set(ops_by_library(names)) == {"tensorflow"}


def test_a_stock_server_has_the_ops_of_tf_text(tmp_path):
    tokens = tf_text.WhitespaceTokenizer()
    found = ops_by_library(_saved(tmp_path, lambda x: tokens.tokenize(tf_text.case_fold_utf8(x)).flat_values))
    assert set(found["tensorflow_text"]) == {"CaseFoldUTF8", "TFText>WhitespaceTokenizeWithOffsetsV2"}
    assert lacking_ops(found, "stock") == []


def test_a_stock_server_lacks_the_ops_of_scann(tmp_path):
    tf.saved_model.save(search_module("scann", 0), str(tmp_path), options=save_options(is_exact=False))
    found = ops_by_library(op_names(read_saved_model(tmp_path)))
    assert "Scann>ScannSearchBatched" in found["scann"]
    assert lacking_ops(found, "stock") == sorted(found["scann"])
    assert lacking_ops(found, "scann") == []


def test_nobody_has_an_op_that_is_not_known():
    found = ops_by_library(["MatMul", "SimpleMLInferenceOp", "Other>MatMul"])
    assert found == {"tensorflow": ("MatMul",), "other": ("Other>MatMul", "SimpleMLInferenceOp")}
    assert lacking_ops(found, "scann") == ["Other>MatMul", "SimpleMLInferenceOp"]


REGISTRY = """
import json, sys
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

def registered():
    ops = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {op.name for op in ops.op}

stock = registered()
import tensorflow_text
text = registered()
import scann
json.dump([sorted(stock), sorted(text - stock), sorted(registered() - text)], sys.stdout)
"""


@pytest.mark.slow
def test_the_recorded_names_are_what_each_library_registers():
    done = subprocess.run([sys.executable, "-c", REGISTRY], capture_output=True, text=True, check=True)
    stock, text, scann = json.loads(done.stdout)
    assert ops_by_library(stock) == {"tensorflow": tuple(stock)}
    assert ops_by_library(text) == {"tensorflow_text": tuple(text)}
    assert ops_by_library(scann) == {"scann": tuple(scann)}
    assert set(text) >= module._TEXT_OPS
