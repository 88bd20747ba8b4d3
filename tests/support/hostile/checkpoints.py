"""Damaged, altered and foreign checkpoints: what a file from anywhere may be."""

import copy
import io
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tests.support.commands import ROOT
from tests.support.hostile import Maker, files_of

UNDAMAGED = ROOT / "tests" / "fixtures" / "averaged" / "checkpoints" / "last.ckpt"
CODE_RAN = "code-ran"  # a file of this name in the folder of the cases means that code of one of them was run


def cases(count: int, seed: int, folder: Path) -> Iterator[Path]:
    """Write files of all kinds; see `files_of`."""
    return files_of(KINDS, ".ckpt", count, seed, folder)


def _bits_flipped(rng: random.Random, path: Path) -> None:
    data = bytearray(UNDAMAGED.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _bits_flipped_in_the_pickle(rng: random.Random, path: Path) -> None:
    """With a checksum that is right again."""
    records = _records()
    damaged = bytearray(records["data.pkl"])
    for _ in range(rng.randint(1, 3)):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    _write_archive(path, {**records, "data.pkl": bytes(damaged)})


def _bits_flipped_in_the_directory(rng: random.Random, path: Path) -> None:
    data = bytearray(UNDAMAGED.read_bytes())
    data[rng.randrange(len(data) - 7300, len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def _cut_off(rng: random.Random, path: Path) -> None:
    data = UNDAMAGED.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def _longer(rng: random.Random, path: Path) -> None:
    data, more = UNDAMAGED.read_bytes(), rng.randbytes(rng.choice((1, 22, 98, 5000)))
    path.write_bytes(more + data if rng.random() < 0.5 else data + more)


def _of_another_type(rng: random.Random, path: Path) -> None:
    contents = _contents()
    for _ in range(rng.randint(1, 3)):
        parent, key = rng.choice(_places(contents))
        parent[key] = copy.deepcopy(rng.choice(VALUES))
    torch.save(contents, path)


def _of_another_type_where_it_counts(rng: random.Random, path: Path) -> None:
    contents = _contents()
    entry = rng.choice(("state_dict", "hyper_parameters", "provenance", "metrics", "epoch", "global_step"))
    value = contents[entry]
    places = [(contents, entry), *(_places(value) if isinstance(value, dict) else [])]
    parent, key = rng.choice(places)
    parent[key] = copy.deepcopy(rng.choice(VALUES))
    torch.save(contents, path)


def _with_something_missing(rng: random.Random, path: Path) -> None:
    contents = _contents()
    parent, key = rng.choice([(parent, key) for parent, key in _places(contents) if isinstance(parent, dict)])
    del parent[key]
    torch.save(contents, path)


def _with_a_huge_setting(rng: random.Random, path: Path) -> None:
    contents = _contents()
    arguments = contents["hyper_parameters"]["network"]["init_args"]
    arguments |= rng.choice(
        (
            {"num_classes": 300_000_000},
            {"kernel_size": 10_001},
            {"channels": [2**40]},
            {"channels": [1] * 100_000},
            {"hidden_units": 10**30},
            {"in_channels": 10**9},
            {"dropout": 10**400},
            {"dropout": "x" * 500_000},
        )
    )
    torch.save(contents, path)


def _with_other_weights(rng: random.Random, path: Path) -> None:
    contents = _contents()
    weights = contents["state_dict"]
    name = rng.choice([name for name, weight in weights.items() if weight.is_floating_point()])
    weight = weights[name]
    weights[name] = rng.choice(
        (
            torch.full_like(weight, float("nan")),
            torch.full_like(weight, float("inf")),
            weight.new_zeros((3, *weight.shape)),
            weight.new_zeros(()).expand(10_000_000, 10_000),
            weight.to(torch.complex64),
            weight.to_sparse() if weight.ndim else weight.new_zeros(5),
            weight.numpy().tolist(),
        )
    )
    if rng.random() < 0.2:
        weights["std"] = torch.zeros(())
    torch.save(contents, path)


def _with_other_names(rng: random.Random, path: Path) -> None:
    contents = _contents()
    contents["provenance"] |= rng.choice(
        (
            {"class_names": ["one"]},
            {"class_names": list(range(10))},
            {"class_names": [f"\x1b]0;{number}\x07" for number in range(10)]},
            {"class_names": [torch.zeros(1)] * 10},
            {"class_names": "0123456789"},
            {"class_names": ["x" * 100_000] * 10},
            {"image_shape": [1, 10**6, 10**6]},
            {"image_shape": ["1", "28", "28"]},
            {"layout": "sideways"},
            {"dataset": ["mnist"]},
        )
    )
    torch.save(contents, path)


def _packed(rng: random.Random, path: Path) -> None:
    """A gigabyte, packed into a megabyte."""
    name = rng.choice(("data.pkl", "data/0", "more"))
    with zipfile.ZipFile(path, "w") as parts:
        for other, data in _records().items():
            if other != name:
                parts.writestr(f"archive/{other}", data)
        parts.compression, parts.compresslevel = zipfile.ZIP_DEFLATED, 1
        with parts.open(f"archive/{name}", "w") as record:
            for _ in range(rng.choice((16, 16, 1024))):
                record.write(bytes(1 << 20))
    _end_as_torch_does(path)


def _records_of_other_sizes(rng: random.Random, path: Path) -> None:
    """What the pickle says of its tensors is not what lies in the archive."""
    records = _records()
    key = f"data/{rng.randrange(30)}"
    records[key] = records[key][: rng.randrange(3)] if rng.random() < 0.5 else records[key] * 3
    _write_archive(path, records)


def _pickled_code(rng: random.Random, path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            target = str(path.parent / CODE_RAN)
            return rng.choice(((os.system, (f"touch {target}",)), (open, (target, "w"))))

    if rng.random() < 0.3:
        path.write_bytes(pickle.dumps(Harm(), protocol=rng.randint(0, 5)))
    elif rng.random() < 0.5:
        torch.save({**_contents(), "extra": Harm()}, path)
    else:
        torch.save(Harm(), path, _use_new_zipfile_serialization=False)


def _pickled_bomb(rng: random.Random, path: Path) -> None:
    """A small pickle that takes all memory or all time of who believes it."""
    many = b"".join(
        b"](" + b"h" + bytes([n - 1]) + (b"h" + bytes([n - 1])) * 9 + b"eq" + bytes([n]) for n in range(1, 40)
    )
    contents = rng.choice(
        (
            b"\x80\x02c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00\x08\x85R.",  # bytearray(2**35)
            b"\x80\x02ctorch\nTensor\n\x8a\x05\x00\x00\x00\x00\x08\x85R.",
            b"\x80\x02Nr\xff\xff\xff\x7f.",  # a memo with two thousand million places
            b"\x80\x02" + b"]" * 900_000 + b"a" * 899_999 + b".",
            b"\x80\x02}(" + b")" + b"\x85" * 900_000 + b"K\x01u.",  # a key of so many tuples
            b"\x80\x02]q\x00" + many + b".",  # ten times ten times ten ...
            b"\x80\x05\x96" + struct.pack("<Q", 2**36) + b".",
            b"\x80\x02]q\x00h\x00a.",  # a list in itself
            b"\x80\x02X\xff\xff\xff\x7fabc.",
        )
    )
    _write_archive(path, {**_records(), "data.pkl": contents})


def _foreign(rng: random.Random, path: Path) -> None:
    """Files of other programs."""
    buffer = io.BytesIO()
    torch.save(rng.choice(({"state_dict": {}}, {}, [], None, torch.zeros(3), {"model": {"a": torch.ones(2)}})), buffer)
    path.write_bytes(
        rng.choice(
            (
                b"",
                b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
                b"\x89PNG\r\n\x1a\n" + rng.randbytes(100),
                b"\x89HDF\r\n\x1a\n" + rng.randbytes(3000),
                b"PK\x03\x04" + rng.randbytes(500),
                b"PK\x05\x06" + bytes(18),
                b"\x1f\x8b\x08" + rng.randbytes(100),
                struct.pack("<Q", 2**40) + b'{"weight": {"dtype": "F32"}}',
                b"\x80\x02.",
                rng.randbytes(rng.randrange(100_000)),
                buffer.getvalue(),
            )
        )
    )


def _no_plain_file(rng: random.Random, path: Path) -> None:
    kind = rng.choice(("folder", "pipe", "holes"))
    if kind == "folder" or not hasattr(os, "mkfifo"):
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.write(b"PK\x03\x04")
            file.truncate(5_000_000_000)


KINDS: tuple[Maker, ...] = (
    _bits_flipped,
    _bits_flipped_in_the_pickle,
    _bits_flipped_in_the_directory,
    _cut_off,
    _longer,
    _of_another_type,
    _of_another_type_where_it_counts,
    _with_something_missing,
    _with_a_huge_setting,
    _with_other_weights,
    _with_other_names,
    _packed,
    _records_of_other_sizes,
    _pickled_code,
    _pickled_bomb,
    _foreign,
    _no_plain_file,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    float("nan"),
    "text",
    "",
    b"bytes",
    [],
    {},
    [1, [2, [3]]],
    {"a": {"b": 1}},
    {1: 2},
    (1, 2),
    torch.zeros(2),
    torch.zeros(0),
    torch.device("cpu"),
    torch.float32,
    {1, 2},
    1j,
)


def _contents() -> dict[str, Any]:
    return torch.load(UNDAMAGED, weights_only=True)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in nested dictionaries and lists: what holds it, and its key there."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found += [(value, key), *_places(value[key])]
    return found


def _records() -> dict[str, bytes]:
    """The records of the undamaged file by name, without the archive's own."""
    with zipfile.ZipFile(UNDAMAGED) as parts:
        return {name.partition("/")[2]: parts.read(name) for name in parts.namelist()}


def _write_archive(path: Path, records: dict[str, bytes]) -> None:
    """Write an archive as torch does, with whatever records."""
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in records.items():
        if not name.startswith((".data/", "version", ".format", ".storage")):  # which torch writes itself
            writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def _end_as_torch_does(path: Path) -> None:
    """Put the end of a zip64 archive in the place of the usual one."""
    data = path.read_bytes()
    count, size, start = struct.unpack("<10xHII2x", data[-22:])
    place = len(data) - 22
    end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 30, 45, 0, 0, count, count, size, start)
    path.write_bytes(data[:-22] + end + struct.pack("<4sIQI", b"PK\x06\x07", 0, place, 1) + data[-22:])
