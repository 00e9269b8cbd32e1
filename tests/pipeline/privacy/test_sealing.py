"""Sealing: what comes out is what went in, or a message; nothing half done, nothing outside."""

import io
import os
import resource
import stat
import subprocess
import sys
import tarfile

import pyrage
import pytest

from pipeline.errors import InputError
from pipeline.privacy.identities import write_identity
from pipeline.privacy.sealing import seal, unseal

FILES = {
    "a.txt": b"hello",
    "empty": b"",
    "deep/er/big.bin": os.urandom(300_000),
    "deep/" + "long" * 40 + "/名.txt": b"x",
}


@pytest.fixture
def identity(tmp_path):
    path = tmp_path / "id.key"
    return path, write_identity(path)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "plain"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "nothing").mkdir()
    (root / "models").mkdir()
    (root / "models" / "1").symlink_to("../deep/er")
    (root / "a.txt").chmod(0o640)
    return root


def _left(folder):
    return sorted(path.name for path in folder.iterdir())


def _sealed_tar(tmp_path, recipient, *members):
    """A sealed archive of somebody else's making."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, kind, text in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
            else:
                info.linkname = text
                tar.addfile(info)
    path = tmp_path / "foreign.age"
    path.write_bytes(pyrage.encrypt(plain.getvalue(), [pyrage.x25519.Recipient.from_str(recipient)]))
    return path


def test_a_folder_comes_back_whole(tmp_path, folder, identity):
    key, recipient = identity
    seal(folder, [recipient], tmp_path / "s.age")
    unseal(tmp_path / "s.age", key, tmp_path / "back")
    back = tmp_path / "back"
    assert {name: (back / name).read_bytes() for name in FILES} == FILES
    assert os.readlink(back / "models" / "1") == "../deep/er"
    assert (back / "models" / "1" / "big.bin").read_bytes() == FILES["deep/er/big.bin"]
    assert (back / "nothing").is_dir()
    assert stat.S_IMODE((back / "a.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE(back.stat().st_mode) == 0o700
    assert (back / "a.txt").stat().st_mtime == int((folder / "a.txt").stat().st_mtime)
    assert _left(tmp_path) == ["back", "id.key", "plain", "s.age"]


def test_a_file_comes_back_under_its_name(tmp_path, folder, identity):
    key, recipient = identity
    seal(folder / "a.txt", [recipient], tmp_path / "s.age")
    unseal(tmp_path / "s.age", key, tmp_path / "back")
    assert _left(tmp_path / "back") == ["a.txt"]
    assert (tmp_path / "back" / "a.txt").read_bytes() == b"hello"


def test_the_content_is_a_tar_archive_in_the_same_order_each_time(tmp_path, folder, identity):
    key, recipient = identity
    plain = []
    for name in ("1.age", "2.age"):
        seal(folder, [recipient], tmp_path / name)
        secret = pyrage.x25519.Identity.from_str(key.read_text().splitlines()[1])
        plain.append(pyrage.decrypt((tmp_path / name).read_bytes(), [secret]))
    assert plain[0] == plain[1]
    assert (tmp_path / "1.age").read_bytes() != (tmp_path / "2.age").read_bytes()
    assert b"hello" not in (tmp_path / "1.age").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(plain[0])) as tar:
        names = tar.getnames()
    assert names == sorted(names)


def test_each_of_several_recipients_opens_it(tmp_path, folder, identity):
    other = tmp_path / "other.key"
    seal(folder, [identity[1], write_identity(other)], tmp_path / "s.age")
    for number, key in enumerate((identity[0], other)):
        unseal(tmp_path / "s.age", key, tmp_path / f"back{number}")
        assert any(path.is_file() for path in (tmp_path / f"back{number}").rglob("*"))


def test_a_wrong_identity(tmp_path, folder, identity):
    other = tmp_path / "other.key"
    write_identity(other)
    seal(folder, [identity[1]], tmp_path / "s.age")
    with pytest.raises(InputError, match="s.age is not sealed to the identity that was given"):
        unseal(tmp_path / "s.age", other, tmp_path / "back")
    assert "back" not in "".join(_left(tmp_path))


@pytest.mark.parametrize("content", [b"", b"junk" * 1000])
def test_not_an_age_file(tmp_path, identity, content):
    (tmp_path / "s.age").write_bytes(content)
    with pytest.raises(InputError, match="s.age is not an age file"):
        unseal(tmp_path / "s.age", identity[0], tmp_path / "back")
    assert _left(tmp_path) == ["id.key", "s.age"]


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.9999])
def test_a_cut_file(tmp_path, folder, identity, kept):
    seal(folder, [identity[1]], tmp_path / "s.age")
    content = (tmp_path / "s.age").read_bytes()
    (tmp_path / "s.age").write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="s.age is damaged: it was cut or changed"):
        unseal(tmp_path / "s.age", identity[0], tmp_path / "back")
    assert _left(tmp_path) == ["id.key", "plain", "s.age"]


def test_a_changed_bit(tmp_path, folder, identity):
    seal(folder, [identity[1]], tmp_path / "s.age")
    content = bytearray((tmp_path / "s.age").read_bytes())
    content[-5] ^= 1  # in what the tar archive is padded with
    (tmp_path / "s.age").write_bytes(content)
    with pytest.raises(InputError, match="s.age is damaged"):
        unseal(tmp_path / "s.age", identity[0], tmp_path / "back")
    assert _left(tmp_path) == ["id.key", "plain", "s.age"]


def test_an_age_file_of_something_else(tmp_path, identity):
    recipient = pyrage.x25519.Recipient.from_str(identity[1])
    (tmp_path / "s.age").write_bytes(pyrage.encrypt(b"a letter " * 1000, [recipient]))
    with pytest.raises(InputError, match="does not hold a tar archive"):
        unseal(tmp_path / "s.age", identity[0], tmp_path / "back")


FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("/etc/evil", FILE, "x")], "'/etc/evil' would land outside"),
        ([("../evil", FILE, "x")], "'../evil' would land outside"),
        ([("a/../../evil", FILE, "x")], "would land outside"),
        ([("a", FILE, "x"), ("out", LINK, "/etc/passwd")], "'out' leads out of its folder, to '/etc/passwd'"),
        ([("out", LINK, "..")], "'out' leads out of its folder"),
        ([("out", LINK, "nowhere")], "'out' leads nowhere"),
        ([("out", LINK, "out")], "'out' leads nowhere"),
        ([("out", LINK, ".."), ("out/evil", FILE, "x")], "has 'out' twice"),
        ([("out", LINK, ".."), ("out", FILE, "x")], "has 'out' twice"),
        ([("a", FILE, "x"), ("a", FILE, "y")], "has 'a' twice"),
        # Each link alone stays inside; together they climb.
        (
            [("d", LINK, "a/b"), ("a", LINK, "."), ("b", LINK, "."), ("out", LINK, "d/..")],
            "'out' leads out of its folder",
        ),
        ([("hard", HARD, "/etc/passwd")], "'hard' is neither a file, nor a folder, nor a link"),
        ([("null", tarfile.CHRTYPE, "")], "'null' is neither"),
        ([("pipe", tarfile.FIFOTYPE, "")], "'pipe' is neither"),
    ],
)
def test_nothing_lands_outside(tmp_path, identity, members, message):
    path = _sealed_tar(tmp_path, identity[1], *members)
    with pytest.raises(InputError, match=message):
        unseal(path, identity[0], tmp_path / "back")
    assert _left(tmp_path) == ["foreign.age", "id.key"]


def test_what_tar_and_age_make_is_opened(tmp_path, identity):
    members = [(".", tarfile.DIRTYPE, ""), ("./a/b", FILE, "x"), ("./l", LINK, "a/b")]
    unseal(_sealed_tar(tmp_path, identity[1], *members), identity[0], tmp_path / "back")
    assert (tmp_path / "back" / "l").read_text() == "x"


def test_what_could_not_be_opened_is_not_sealed(tmp_path, folder, identity):
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(InputError, match="the link 'out' leads out of its folder"):
        seal(folder, [identity[1]], tmp_path / "s.age")
    (folder / "out").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError, match="pipe is neither a file, nor a folder, nor a link"):
        seal(folder, [identity[1]], tmp_path / "s.age")
    assert _left(tmp_path) == ["id.key", "plain"]


def test_nothing_is_overwritten(tmp_path, folder, identity):
    key, recipient = identity
    seal(folder, [recipient], tmp_path / "s.age")
    before = (tmp_path / "s.age").read_bytes()
    with pytest.raises(InputError, match="s.age is there already; nothing is overwritten"):
        seal(folder, [recipient], tmp_path / "s.age")
    with pytest.raises(InputError, match="plain is there already"):
        unseal(tmp_path / "s.age", key, folder)
    assert (tmp_path / "s.age").read_bytes() == before


@pytest.mark.parametrize(
    ("recipients", "message"),
    [
        ([], "at least one --recipient"),
        (["age1junk"], "'age1junk' is not a recipient"),
        (["AGE-SECRET-KEY-1ABC"], "a --recipient begins with age1"),
    ],
)
def test_recipients_that_are_none(tmp_path, folder, recipients, message):
    with pytest.raises(InputError, match=message) as raised:
        seal(folder, recipients, tmp_path / "s.age")
    assert "SECRET" not in str(raised.value)


def test_folders_that_are_not_there(tmp_path, folder, identity):
    with pytest.raises(InputError, match="none is not there"):
        seal(tmp_path / "none", [identity[1]], tmp_path / "s.age")
    with pytest.raises(InputError, match="there is no folder .*none to write s.age to"):
        seal(folder, [identity[1]], tmp_path / "none" / "s.age")
    with pytest.raises(InputError, match="is inside of"):
        seal(folder, [identity[1]], folder / "deep" / "s.age")
    with pytest.raises(InputError, match="cannot unseal .*none.age .*No such file"):
        unseal(tmp_path / "none.age", identity[0], tmp_path / "back")


def test_a_full_disk_leaves_nothing(tmp_path, folder, identity):
    """The limit of a file's size stands in for the disk's; in a process of its own, as it holds for all."""
    limit = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from pipeline.privacy.sealing import seal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "seal(Path(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]))\n"
    )
    arguments = [folder, identity[1], tmp_path / "s.age"]
    done = subprocess.run([sys.executable, "-c", limit, *arguments], capture_output=True, text=True)
    assert "cannot seal" in done.stderr.splitlines()[-1]
    assert "File too large" in done.stderr.splitlines()[-1]
    assert _left(tmp_path) == ["id.key", "plain"]


def test_an_identity_file_that_others_may_read_or_that_is_none(tmp_path, folder, identity):
    key, recipient = identity
    seal(folder, [recipient], tmp_path / "s.age")
    key.chmod(0o644)
    with pytest.raises(InputError, match="mode 0644"):
        unseal(tmp_path / "s.age", key, tmp_path / "back")
    key.chmod(0o600)
    key.write_text("AGE-SECRET-KEY-1JUNK\n")
    with pytest.raises(InputError, match="is not an identity file") as raised:
        unseal(tmp_path / "s.age", key, tmp_path / "back")
    assert "1JUNK" not in str(raised.value)


def test_memory_does_not_grow_with_the_content(tmp_path, identity):
    big = tmp_path / "big"
    big.mkdir()
    with (big / "file").open("wb") as file:
        file.truncate(300 * 2**20)  # zeros, not on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seal(big, [identity[1]], tmp_path / "s.age")
    unseal(tmp_path / "s.age", identity[0], tmp_path / "back")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (tmp_path / "back" / "file").stat().st_size == 300 * 2**20
    assert grown < 60 * 1024  # kilobytes
