"""Data files: arrays by their usual names or by the one asked for; broken and hostile files are one clear error."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snncc import data
from snncc.errors import DataError

A, B, C = (np.full((2, 2), v) for v in (1, 2, 3))


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_usual_names_in_order(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", x=A, x_train=B, x_calibration=C, y=A, other=A)
    assert (data.array(str(path), data.CALIBRATION) == C).all()
    assert (data.array(str(path), data.IMAGES) == A).all()
    assert (data.array(f"{path}:other", data.IMAGES) == A).all()
    assert data.optional(str(npz(tmp_path / "e.npz", x=A)), data.LABELS) is None
    path = npz(tmp_path / "f.npz", x_train=B, x=A, x_test=C)
    assert (data.array(str(path), data.CALIBRATION) == B).all()
    assert (data.array(str(path), data.IMAGES) == C).all()
    np.save(tmp_path / "one.npy", B)
    assert (data.array(str(tmp_path / "one.npy"), data.IMAGES) == B).all()


def test_a_npy_file_is_its_one_array(tmp_path: Path) -> None:
    """Whatever it is asked for; it has no names, and holds nothing beside."""
    path = tmp_path / "y.npy"
    np.save(path, C)
    for names in (data.CALIBRATION, data.IMAGES, data.LABELS):
        assert (data.array(str(path), names) == C).all()
        assert data.optional(str(path), names) is None
    with pytest.raises(DataError, match=r"y\.npy is one array without names: give .*y\.npy alone"):
        data.array(f"{path}:NAME", data.LABELS)


def test_what_is_no_array_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1.0,2.0\n")
    for read in (lambda path: data.array(path, data.IMAGES), lambda path: data.rows(path, data.IMAGES)):
        with pytest.raises(DataError, match=r"as numpy\.save and .*numpy\.loadtxt") as found:
            read(str(tmp_path / "x.csv"))
        assert "pickle" not in str(found.value)
    with pytest.raises(DataError, match=r"is a folder: one \.npz or \.npy file is wanted"):
        data.array(str(tmp_path), data.CALIBRATION)
    np.savez(tmp_path / "o.npz", x=np.array([1, "a"], object))
    with pytest.raises(DataError, match=r"plain arrays: it holds objects, which are never loaded: save numbers$"):
        data.array(str(tmp_path / "o.npz"), data.IMAGES)


def test_a_colon_wants_a_name(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", x=A)
    with pytest.raises(DataError, match=r"d\.npz:: a name must follow"):
        data.array(f"{path}:", data.IMAGES)
    assert data.split("a:b/c.npz") == (Path("a:b/c.npz"), None)
    assert data.split("a:b/c.npz:d") == (Path("a:b/c.npz"), "d")


@pytest.mark.parametrize("name", ["one.npy", "one.npz"])
def test_one_value_is_no_array_of_samples(tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "one.npy", np.float64(3))
    npz(tmp_path / "one.npz", x=np.float64(3))
    with pytest.raises(DataError, match="one value, not an array of samples"):
        data.array(str(tmp_path / name), data.IMAGES)


def test_an_empty_archive_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it holds nothing"):
        data.array(str(npz(tmp_path / "d.npz")), data.IMAGES)


def test_missing_names_say_what_there_is(tmp_path: Path) -> None:
    path = npz(tmp_path / "d.npz", images=A, labels=B)
    with pytest.raises(DataError, match=r"x_test, x;.*images, labels.*:NAME"):
        data.array(str(path), data.IMAGES)
    with pytest.raises(DataError, match=r"no array 'nope'.*images, labels"):
        data.array(f"{path}:nope", data.IMAGES)
    with pytest.raises(DataError, match="no such file"):
        data.array(str(tmp_path / "none.npz"), data.IMAGES)
    with pytest.raises(DataError):
        data.array(str(tmp_path), data.IMAGES)


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path(__file__).with_name("evil-was-here"),))


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    marker = Path(__file__).with_name("evil-was-here")
    path = npz(tmp_path / "d.npz", x=np.array([Evil()], object))
    with pytest.raises(DataError, match="plain arrays"):
        data.array(str(path), data.IMAGES)
    (tmp_path / "raw.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataError, match="plain arrays"):
        data.array(str(tmp_path / "raw.npy"), data.IMAGES)
    assert not marker.exists()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated(tmp_path: Path, part: float) -> None:
    whole = npz(tmp_path / "d.npz", x=np.random.default_rng(0).random((40, 40))).read_bytes()
    (tmp_path / "d.npz").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(DataError, match=r"d\.npz"):
        data.array(str(tmp_path / "d.npz"), data.IMAGES)


def test_every_byte_damaged(tmp_path: Path) -> None:
    """Whatever byte is wrong: the array, or a DataError."""
    path = tmp_path / "d.npz"
    whole = npz(path, x=np.arange(60)).read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :])
        try:
            assert isinstance(data.array(str(path), data.IMAGES), np.ndarray)
        except DataError as error:
            assert "d.npz" in str(error)


def test_a_member_that_is_no_array(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x", b"hello")
    with pytest.raises(DataError, match="'x' is not an array"):
        data.array(str(tmp_path / "d.npz"), data.IMAGES)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, ",  # the tokenizer's error
        "{'descr': '<f4', 'fortran_order': True, 'shape': (None,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}",
    ],
)
def test_hostile_headers(tmp_path: Path, header: str) -> None:
    text = f"{header}\n".encode()
    whole = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)
    (tmp_path / "d.npy").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", whole)
    for name in ("d.npy", "d.npz"):
        with pytest.raises(DataError, match="not a readable"):
            data.array(str(tmp_path / name), data.IMAGES)


def test_names_that_a_terminal_would_obey(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("a\x1b[2J.npy", b"")
    with pytest.raises(DataError, match="it holds") as found:
        data.array(str(tmp_path / "d.npz"), data.IMAGES)
    assert str(found.value).isprintable()
