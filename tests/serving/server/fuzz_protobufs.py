"""Messages that nobody sends on purpose: valid requests with changes to fields and bytes."""

from google.protobuf.descriptor import FieldDescriptor
from tensorflow_serving.apis import model_management_pb2

from tests.serving.server import grpc_requests as ask
from tests.serving.server.contract_cases import GRPC, HPT

PREDICTION, MODEL = (f"/tensorflow.serving.{name}" for name in ("PredictionService", "ModelService"))
RELOAD = f"{MODEL}/HandleReloadConfigRequest"
STATUS = f"{MODEL}/GetModelStatus"
# Between 2^16 and what is refused, tensors are answered whose memory the allocator keeps for the next ones.
INTEGERS = [0, 1, -1, 3, 7, 127, 2**16, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63), 2**64 - 1]
FLOATS = [0.0, -1.0, 1e39, float("nan"), float("inf")]
TEXTS = [
    "", "x", "y", HPT, "echo", "serving_default", "classify_x_to_y", "regress_x_to_y", "signature_def",
    "type_string", "type_int64", "several", "tensorflow", "/", "/nowhere", "/a\x00b", "ä", "n" * 3000,
]  # fmt: skip
_LIMITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (0, 2**31 - 1),
}


def protobuf_calls(draw, count, config):
    """Yields methods of gRPC and the bytes to send.

    Args:
      draw: `random.Random`.
      count: How many.
      config: `ModelServerConfig` of the server.
    """
    reload = model_management_pb2.ReloadConfigRequest(config=config)
    bases = [(STATUS if case.method == "GetModelStatus" else f"{PREDICTION}/{case.method}", case.request)
             for case in GRPC]  # fmt: skip
    bases += [(RELOAD, reload)] * 3 + [(f"{PREDICTION}/Predict", ask.predict(HPT, {"x": [1.0]}))] * 5
    for _ in range(count):
        method, base = draw.choice(bases)
        request = type(base)()
        request.CopyFrom(base)
        for _ in range(draw.choice((0, 1, 1, 2, 4))):
            change(draw, request)
        content = request.SerializeToString()
        for _ in range(draw.choice((0, 0, 1, 3))):
            content = damaged(draw, content)
        yield method, content


def change(draw, message):
    """Changes a field of a message, or of one within it."""
    if not message.DESCRIPTOR.fields:
        return
    field = draw.choice(message.DESCRIPTOR.fields)
    inner = [present for present, _ in message.ListFields() if present.message_type is not None]
    if inner and draw.random() < 0.75:
        field = draw.choice(inner)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        _change_map(draw, message, field)
    elif field.label == FieldDescriptor.LABEL_REPEATED:
        _change_repeated(draw, getattr(message, field.name), field)
    elif draw.random() < 0.15:
        message.ClearField(field.name)
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
        change(draw, getattr(message, field.name))
    else:
        setattr(message, field.name, _value(draw, field))


def _change_map(draw, message, field):
    entries = getattr(message, field.name)
    key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    name = draw.choice(sorted(entries)) if entries and draw.random() < 0.8 else _value(draw, key)
    if name in entries and draw.random() < 0.2:
        del entries[name]
    elif value.message_type is not None:
        change(draw, entries[name])
    else:
        entries[name] = _value(draw, value)


def _change_repeated(draw, entries, field):
    if entries and draw.random() < 0.3:
        del entries[draw.randrange(len(entries))]
    elif field.message_type is None:
        entries.extend(_value(draw, field) for _ in range(draw.choice((1, 1, 40))))
    elif entries and draw.random() < 0.6:
        change(draw, draw.choice(entries))
    else:
        change(draw, entries.add())


def _value(draw, field):
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = draw.choice(TEXTS)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return draw.choice(FLOATS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return draw.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM and draw.random() < 0.8:
        return draw.choice(field.enum_type.values).number
    low, high = _LIMITS[field.cpp_type]
    return draw.choice([number for number in INTEGERS if low <= number <= high])


def damaged(draw, content):
    """Bytes with a piece cut, put in, or a bit turned."""
    start = draw.randrange(len(content) + 1)
    end = min(start + draw.randrange(1, 9), len(content))
    kind = draw.randrange(4)
    if kind == 0:
        return content[:start]
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2 or start == len(content):
        return content[:start] + draw.randbytes(draw.randrange(1, 9)) + content[start:]
    return content[:start] + bytes([content[start] ^ 1 << draw.randrange(8)]) + content[start + 1 :]
