"""The messages that the client sends and reads, on the wire those of TensorFlow Serving.

Importing TensorFlow for its generated ones takes seconds. These are declared here, field number by field
number, in a pool of their own, so that they live in one process with TensorFlow's. What TensorFlow Serving
has beside them is skipped when a message is read.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import MessageFactory

_PACKAGE = "recstack.client"
_Field = FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}
# Message, then number, type and name of each field. `map<X>` is a map from strings. Fields of one `oneof`
# are marked with a star; an enumeration that is shown by number is an int32, which is alike on the wire.
_DECLARED = {
    "Dim": "1 int64 size",
    "TensorShape": "2 Dim[] dim, 3 bool unknown_rank",
    "Tensor": """1 int32 dtype, 2 TensorShape tensor_shape, 4 bytes tensor_content, 13 int32[] half_val,
        5 float[] float_val, 6 double[] double_val, 7 int32[] int_val, 8 bytes[] string_val,
        9 float[] scomplex_val, 10 int64[] int64_val, 11 bool[] bool_val, 12 double[] dcomplex_val,
        16 uint32[] uint32_val, 17 uint64[] uint64_val""",
    "Int64Value": "1 int64 value",
    "ModelSpec": "1 string name, 2 Int64Value version*, 4 string version_label*, 3 string signature_name",
    "PredictRequest": "1 ModelSpec model_spec, 2 map<Tensor> inputs, 3 string[] output_filter",
    "PredictResponse": "2 ModelSpec model_spec, 1 map<Tensor> outputs",
    "GetModelStatusRequest": "1 ModelSpec model_spec",
    "Status": "1 int32 error_code, 2 string error_message",
    "ModelVersionStatus": "1 int64 version, 2 int32 state, 3 Status status",
    "GetModelStatusResponse": "1 ModelVersionStatus[] model_version_status",
    "Any": "1 string type_url, 2 bytes value",
    "GetModelMetadataRequest": "1 ModelSpec model_spec, 2 string[] metadata_field",
    "GetModelMetadataResponse": "1 ModelSpec model_spec, 2 map<Any> metadata",
    "TensorInfo": "1 string name, 2 int32 dtype, 3 TensorShape tensor_shape",
    "SignatureDef": "1 map<TensorInfo> inputs, 2 map<TensorInfo> outputs, 3 string method_name",
    "SignatureDefMap": "1 map<SignatureDef> signature_def",
}


def _add_field(message: DescriptorProto, number: str, kind: str, name: str) -> None:
    """Declares a field of a message."""
    field = message.field.add(name=name.rstrip("*"), number=int(number), label=_Field.LABEL_OPTIONAL)
    if kind.startswith("map<"):
        entry_name = "".join(word.capitalize() for word in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _add_field(entry, "1", "string", "key")
        _add_field(entry, "2", kind[4:-1], "value")
        kind = f"{message.name}.{entry_name}[]"
    if kind.endswith("[]"):
        kind, field.label = kind[:-2], _Field.LABEL_REPEATED
    if name.endswith("*"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="version_choice")
        field.oneof_index = 0
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


def _declare() -> dict[str, Any]:
    """The message classes by name."""
    file = FileDescriptorProto(name="recstack/client.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _DECLARED.items():
        message = file.message_type.add(name=name)
        for field in fields.split(","):
            _add_field(message, *field.split())
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    factory = MessageFactory(pool)
    return {
        name: factory.GetPrototype(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _DECLARED
    }


_CLASSES = _declare()
Tensor: Any = _CLASSES["Tensor"]
ModelSpec: Any = _CLASSES["ModelSpec"]
PredictRequest: Any = _CLASSES["PredictRequest"]
PredictResponse: Any = _CLASSES["PredictResponse"]
GetModelStatusRequest: Any = _CLASSES["GetModelStatusRequest"]
GetModelStatusResponse: Any = _CLASSES["GetModelStatusResponse"]
GetModelMetadataRequest: Any = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse: Any = _CLASSES["GetModelMetadataResponse"]
SignatureDefMap: Any = _CLASSES["SignatureDefMap"]
