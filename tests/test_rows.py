"""Arrays that are read in pieces: what NumPy itself reads of the file, or one clear error."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import data
from snncc.data.stored import Packed
from snncc.errors import DataError

X = np.random.default_rng(0).random((23, 4, 3)).astype(np.float32)
Y = np.arange(23)
MARKER = Path(__file__).with_name("evil-was-read")
RANGES = ((0, 5), (5, 5), (5, 21), (2, 4), (21, 23), (0, 23), (22, 23), (7, 19))
"""Forwards, backwards, nothing, all."""


class Evil:
    """Leaves a file where it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path.touch, (MARKER,))


def shards(folder: Path, **arrays: np.ndarray) -> Path:
    """A folder of three files, whose names are not in the order in which they are written."""
    folder.mkdir()
    for name, part in (("b", slice(9, 9)), ("c", slice(9, None)), ("a", slice(0, 9))):
        kind = np.savez_compressed if name == "a" else np.savez
        kind(folder / f"{name}.npz", **{key: values[part] for key, values in arrays.items()})
    (folder / "notes.txt").write_text("none of them")
    return folder


def as_npy(path: Path, x: np.ndarray) -> Path:
    np.save(path / "x.npy", x)
    return path / "x.npy"


def as_npz(path: Path, x: np.ndarray) -> Path:
    np.savez(path / "s.npz", other=Y, x=x)
    return path / "s.npz"


def as_packed(path: Path, x: np.ndarray) -> Path:
    np.savez_compressed(path / "c.npz", x=x)
    return path / "c.npz"


def as_folder(path: Path, x: np.ndarray) -> Path:
    return shards(path / "folder", x=x)


FORMS = (as_npy, as_npz, as_packed, as_folder)


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_part_is_what_was_written(tmp_path: Path, written: Callable[..., Path], order: Any) -> None:
    found = data.rows(str(written(tmp_path, np.asarray(X, order=order))), data.IMAGES)
    assert (found.shape, found.dtype) == (X.shape, X.dtype)
    for start, stop in RANGES:
        np.testing.assert_array_equal(found.read(start, stop), X[start:stop])


def test_what_is_not_packed_is_mapped(tmp_path: Path) -> None:
    for written in (as_npy, as_npz):
        found = data.rows(str(written(tmp_path, X)), data.IMAGES)
        base: Any = found.read(0, 2)
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, mmap)
    assert isinstance(data.rows(str(as_packed(tmp_path, X)), data.IMAGES), Packed)


def test_names_are_found_by_the_same_rules(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, x_test=X + 1, y=Y, images=X + 2)
    path = str(tmp_path / "d.npz")
    assert (data.rows(path, data.IMAGES).read(0, 23) == X + 1).all()
    assert (data.rows(f"{path}:images", data.IMAGES).read(0, 23) == X + 2).all()
    labels = data.optional_rows(path, data.LABELS)
    assert labels is not None and (labels.read(0, 23) == Y).all()
    assert data.optional_rows(str(as_npy(tmp_path, X)), data.LABELS) is None
    assert data.optional_rows(str(as_npz(tmp_path, X)), data.LABELS) is None
    folder = shards(tmp_path / "shards", images=X, y=Y)
    assert (data.rows(f"{folder}:images", data.IMAGES).read(0, 23) == X).all()
    labels = data.optional_rows(str(folder), data.LABELS)
    assert labels is not None and (labels.read(3, 23) == Y[3:]).all()
    for wrong, said in ((f"{path}:nope", "no array 'nope'"), (f"{folder}:nope", "no array 'nope'"),
                        (str(folder), "none of x_test, x"), (f"{as_npy(tmp_path, X)}:x", "without names"),
                        (str(tmp_path / "gone.npy"), "no such file")):  # fmt: skip
        with pytest.raises(DataError, match=said):
            data.rows(wrong, data.IMAGES)


def test_a_folder_is_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no"):
        data.rows(str(tmp_path), data.IMAGES)
    np.save(tmp_path / "a.npy", X)
    for other in (X[:, :2], X.astype(np.float64)):
        np.save(tmp_path / "b.npy", other)
        with pytest.raises(DataError, match=r"b\.npy: samples of .*; those of a\.npy are of float32"):
            data.rows(str(tmp_path), data.IMAGES)


def read_all(path: Path) -> np.ndarray:
    found = data.rows(str(path), data.IMAGES)
    return np.concatenate([found.read(i, min(i + 7, found.shape[0])) for i in range(0, found.shape[0], 7)] or [X[:0]])


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "d.npz", x=np.array([Evil()], object))
        with pytest.raises(DataError, match="plain arrays"):
            read_all(tmp_path / "d.npz")
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Evil()))
    np.save(tmp_path / "o.npy", np.array([Evil()], object))
    for name in ("raw.npy", "o.npy"):
        with pytest.raises(DataError, match="plain arrays"):
            read_all(tmp_path / name)
    assert not MARKER.exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_byte_damaged_and_every_length(tmp_path: Path, save: Any) -> None:
    """Whatever is wrong: an array, or a DataError that names the file. A packed one is never silently another."""
    path = tmp_path / "d.npz"
    x = np.arange(40, dtype=np.int16).reshape(20, 2)
    save(path, x=x)
    whole = path.read_bytes()
    spoilt = [whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :] for i in range(len(whole))]
    for content in [*spoilt, *(whole[:i] for i in range(0, len(whole), 5))]:
        path.write_bytes(content)
        try:
            found = read_all(path)
        except DataError as error:
            assert "d.npz" in str(error)
        else:
            assert save is np.savez or found.tobytes() == x.tobytes()


HEADERS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, ",
    "{'descr': '<f4', 'fortran_order': True, 'shape': (None,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1099511627776, 1099511627776, 1099511627776)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, None])
def test_hostile_headers(tmp_path: Path, header: str, kind: int | None) -> None:
    text = f"{header}\n".encode()
    whole = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)
    path = tmp_path / ("d.npz" if kind is not None else "d.npy")
    path.write_bytes(whole)
    if kind is not None:
        with zipfile.ZipFile(path, "w", kind) as archive:
            archive.writestr("x.npy", whole)
    with pytest.raises(DataError, match="not a readable"):
        read_all(path)


def test_lengths_that_lie(tmp_path: Path) -> None:
    """A member that says it is longer than it is, in the archive's directory too, and one value."""
    path = as_packed(tmp_path, X)
    long = np.broadcast_to(np.float32(0), (2**20, 4, 3))
    with zipfile.ZipFile(path) as archive:
        (info,) = archive.infolist()
        start = archive.read(info)[:128]
    longer = start.replace(b"(23, 4, 3)", b"(1048576, 4, 3)").replace(b" " * 5, b"", 1)
    assert len(longer) == 128
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", longer + X.tobytes())
    content = path.read_bytes()
    size, claimed = 128 + X.nbytes, 128 + long.nbytes
    path.write_bytes(content.replace(struct.pack("<L", size), struct.pack("<L", claimed)))
    found = data.rows(str(path), data.IMAGES)
    assert found.shape == long.shape
    with pytest.raises(DataError, match="not a readable"):
        found.read(0, 2**20)
    np.save(tmp_path / "one.npy", np.float32(1))
    np.savez(tmp_path / "one.npz", x=np.float32(1))
    for name in ("one.npy", "one.npz"):
        with pytest.raises(DataError, match="one value, not an array of samples"):
            read_all(tmp_path / name)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"hello")
    with pytest.raises(DataError, match="'x' is not an array"):
        read_all(path)


def test_batches_are_cut_anew() -> None:
    """Whatever the batches, the blocks are the same."""
    x, y = np.arange(700 * 2).reshape(700, 2), np.arange(700)
    whole = list(data.source(x, y).blocks())
    assert [len(block.x) for block in whole] == [256, 256, 188]
    for size in (1, 100, 256, 700, 900):
        batches = ((x[i : i + size], y[i : i + size]) for i in range(0, 700, size))
        found = list(data.source(batches).blocks())
        assert [(block.start, block.digest) for block in found] == [(block.start, block.digest) for block in whole]
    assert len({block.digest for block in whole}) == 3
    few = list(data.source(([part] for part in np.split(x, 7)), images=260).blocks())
    assert [len(block.x) for block in few] == [256, 4] and few[0].y is None
    assert few[0].digest != whole[0].digest, "labels count"
    assert [data.source(x).blocks().__next__().x.shape[0], data.block_size((224, 224, 3))] == [256, 32]


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ([(X, Y), (X,)], "batch 1: some batches have labels"),
        ([X, X[:, :2]], r"batch 1: samples of shape \(2, 3\), before of shape \(4, 3\)"),
        ([(X, Y, Y)], "batches are x or"),
        ([{"image": X}], "batches are x or"),
        ([(X, Y[:3])], "batch 0: 23 images but labels of shape"),
        ([3], "batches are x or"),
    ],
)
def test_batches_that_are_none(batches: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(data.source(iter(batches)).blocks())


def test_what_is_no_data() -> None:
    with pytest.raises(DataError, match="neither images nor a file"):
        data.source(3)
    with pytest.raises(DataError, match=r"as iter\(list\)"):
        data.source([(X, Y), (X, Y)])
    with pytest.raises(DataError, match="come with them"):
        data.source(iter([X]), Y)
    with pytest.raises(DataError, match="23 images but 22 labels"):
        data.source(X, Y[:22])
