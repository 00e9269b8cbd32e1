"""Makes a checkout of TensorFlow Serving link ScaNN's operations into its server.

    python3 link_scann.py TENSORFLOW_SERVING SCANN

Runs in the image that builds the server, and so on its Python alone. Where a file is not as expected nothing
is changed: the server would be built without the operations, and say so only when a model is loaded.
"""

import sys
from pathlib import Path

BUILD = "tensorflow_serving/model_servers/BUILD"
WORKSPACE = "tensorflow_serving/workspace.bzl"
TARGET = "@com_google_scann//scann/scann_ops/cc:scann_ops_static"
# The line of the server's list of operations that ours follows, and the function that names its workspaces.
_TEXT_OPS = '    "@org_tensorflow_text//tensorflow_text:ops_lib",\n'
_WORKSPACES = "def tf_serving_workspace():\n"


def link(serving: Path, scann: Path) -> None:
    """Changes both files of a checkout.

    Args:
      serving: The checkout.
      scann: Folder of ScaNN's sources, with its own patch for TensorFlow Serving.

    Raises:
      ValueError: A file is not as expected, or was changed already.
    """
    build, workspace = serving / BUILD, serving / WORKSPACE
    linked = _after(build, _TEXT_OPS, f'    "{TARGET}",\n')
    declared = _after(
        workspace,
        _WORKSPACES,
        f'    native.local_repository(name = "com_google_scann", path = "{scann}")\n\n',
    )
    build.write_text(linked, encoding="utf-8")
    workspace.write_text(declared, encoding="utf-8")


def _after(path: Path, line: str, added: str) -> str:
    """The text of a file with something after a line that it has once."""
    text = path.read_text(encoding="utf-8")
    if "com_google_scann" in text:
        raise ValueError(f"{path} names ScaNN already")
    if text.count(line) != 1:
        raise ValueError(
            f"{path} must have this line once, and has it {text.count(line)} times: {line.strip()}"
        )
    return text.replace(line, line + added)


if __name__ == "__main__":
    link(Path(sys.argv[1]), Path(sys.argv[2]))
