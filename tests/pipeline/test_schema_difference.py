"""What differs between two schemas."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.schema_difference import Difference, schema_differences


def _schema(text):
    return text_format.Parse(text, schema_pb2.Schema())


OLD = """
default_environment: "TRAINING"
feature { name: "a" type: BYTES string_domain { value: "x" value: "y" } }
feature { name: "b" type: FLOAT float_domain { max: 5 } shape {} }
feature { name: "gone" type: INT }
"""


def test_equal_schemas_have_no_difference_whatever_their_order():
    turned = """
    feature { name: "gone" type: INT }
    feature { name: "b" type: FLOAT shape {} float_domain { max: 5 } }
    feature { name: "a" type: BYTES string_domain { value: "y" value: "x" } }
    default_environment: "TRAINING"
    """
    assert schema_differences(_schema(OLD), _schema(turned)) == []


def test_each_field_that_differs_is_told_from_old_to_new():
    new = """
    default_environment: "SERVING"
    feature { name: "a" type: BYTES string_domain { value: "y" value: "z" } presence { min_fraction: 0.5 } }
    feature { name: "b" type: INT float_domain { max: 5.5 } }
    feature { name: "new" type: INT }
    """
    assert schema_differences(_schema(OLD), _schema(new)) == [
        Difference("(schema)", "default_environment", "TRAINING", "SERVING"),
        Difference("a", "string_domain.value", "x", "z"),
        Difference("a", "presence.min_fraction", None, "0.5"),
        Difference("b", "type", "FLOAT", "INT"),
        Difference("b", "float_domain.max", "5", "5.5"),
        Difference("b", "shape", "{}", None),
        Difference("gone", "", "missing", None),
        Difference("new", "", None, "added"),
    ]


def test_a_domain_that_stands_apart_counts_as_the_features_own():
    apart = """
    string_domain { name: "letters" value: "x" value: "y" }
    feature { name: "a" type: BYTES domain: "letters" }
    """
    own = 'feature { name: "a" type: BYTES string_domain { value: "x" value: "y" } }'
    assert schema_differences(_schema(apart), _schema(own)) == []
