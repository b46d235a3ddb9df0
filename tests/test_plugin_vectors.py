# SPDX-License-Identifier: Apache-2.0
"""Every vector through pydicom's own calls after `register()`, against pydicom's native reading of the same pixels.

The native file is written here: the vector's attributes, and its Frames as they were made, in Explicit VR.
"""

import io
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import iter_pixels, pixel_array

import framedeflate.pydicom_plugin as plugin
import judge
from corpus import CORPUS
from dicom_writer import EXPLICIT_LITTLE, element, part10
from framedeflate.errors import EncapsulationError
from test_vectors import OURS, SHARED
from vector import Vector
from vectors_legal import legal

plugin.register()

# pydicom warns of what is grey, and that deflated Frames may be as long as native ones.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom", "ignore::UserWarning:framedeflate")

Pixels = NDArray[np.generic]

LEGAL = legal()
FOLDER = Path(__file__).parent / "vectors"


def native_value(frames: list[bytes], nbits: int) -> bytes:
    """The Frames one behind the other, without a gap (PS3.5 8.2), and the pad."""
    bits = [np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")[:nbits] for frame in frames]
    value = np.packbits(np.concatenate(bits), bitorder="little").tobytes()
    return value + bytes(len(value) % 2)


@cache
def native_file(file: bytes, frames: tuple[bytes, ...] | None = None) -> bytes:
    """The same image natively."""
    judged = judge.read(file)
    head = b"".join(judged.data[one.start : one.stop] for one in judged.order if one.tag < 0x7FE00000)
    value = native_value(list(frames or judged.frames()), judged.frame_nbits)
    return part10(head + element(0x7FE00010, "OW" if judged.bits > 8 else "OB", value), uid=EXPLICIT_LITTLE)


def dataset_of(file: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(file))


def frames_in(array: Pixels, dataset: Dataset) -> Pixels:
    return array if int(dataset.get("NumberOfFrames", 1) or 1) > 1 else array[None]


def by_property(file: bytes) -> Pixels:
    dataset = dataset_of(file)
    return frames_in(dataset.pixel_array, dataset)


def by_index(file: bytes, folder: Path) -> Pixels:
    path = folder / "vector.dcm"
    path.write_bytes(file)
    # Each call opens the file anew: of a thousand Frames the first are enough.
    count = min(20, int(dataset_of(file).get("NumberOfFrames", 1) or 1))
    return np.stack([pixel_array(path, index=index) for index in range(count)])


def by_iteration(file: bytes) -> Pixels:
    return np.stack(list(iter_pixels(io.BytesIO(file))))


def by_decompression(file: bytes) -> Pixels:
    dataset = dataset_of(file)
    dataset.decompress()
    assert not dataset.file_meta.TransferSyntaxUID.is_compressed
    return frames_in(dataset.pixel_array, dataset)


CALLS: dict[str, Callable[[bytes, Path], Pixels]] = {
    "Dataset.pixel_array": lambda file, _: by_property(file),
    "pixel_array(path, index)": by_index,
    "iter_pixels": lambda file, _: by_iteration(file),
    "Dataset.decompress": lambda file, _: by_decompression(file),
}


def name_of(vector: Vector | Path) -> str:
    return vector.stem if isinstance(vector, Path) else vector.name


def shared(kind: str) -> list[Path]:
    return [CORPUS / "vectors" / row["file"] for row in SHARED if row["class"] == kind]


def agree(file: bytes, expected: Pixels, folder: Path) -> None:
    for name, call in CALLS.items():
        found = call(file, folder)
        assert found.dtype == expected.dtype, name
        assert found.shape == expected.shape, name
        assert np.array_equal(found, expected), name


@pytest.mark.parametrize("vector", LEGAL, ids=name_of)
def test_a_legal_vector_is_read_as_its_native_twin(tmp_path: Path, vector: Vector) -> None:
    assert vector.frames
    native = native_file(vector.file, tuple(vector.frames))
    agree(vector.file, by_property(native), tmp_path)
    dataset = dataset_of(vector.file)
    dataset.decompress(as_rgb=False)
    assert dataset.PixelData == dataset_of(native).PixelData


@pytest.mark.parametrize("path", shared("legal"), ids=name_of)
def test_a_legal_vector_of_the_corpus_is_read_as_its_native_twin(tmp_path: Path, path: Path) -> None:
    file = path.read_bytes()
    agree(file, by_property(native_file(file)), tmp_path)


def test_the_native_twins_are_what_numpy_reads() -> None:
    # pydicom's native reading could be wrong as well; it shows YBR as RGB, so colours are asked for as they are.
    for vector in LEGAL:
        judged = judge.read(vector.file)
        if judged.text(0x00280004) == "YBR_FULL_422":
            continue
        native = dataset_of(native_file(vector.file, tuple(vector.frames or ())))
        found = pixel_array(native, raw=True)
        pixels = judged.pixels()
        if judged.short(0x00280101) < judged.bits:
            shift = judged.bits - judged.short(0x00280101)
            pixels = (pixels << shift) >> shift
        assert np.array_equal(found.reshape(pixels.shape), pixels), vector.name


@cache
def known_images() -> list[Pixels]:
    """What a vector that is read at all may show: the images that vectors are made of."""
    made = {"L-basic-offset-table", "L-stored-blocks", "L-rgb-by-pixel"}
    twins = [native_file(one.file, tuple(one.frames or ())) for one in LEGAL if one.name in made]
    thousand = np.tile(np.array([1, 0, 1, 0, 1, 0, 1, 0], np.uint8), (1000, 1, 1))
    return [*map(by_property, twins), thousand]


def is_one_of(images: list[Pixels], found: Pixels) -> bool:
    """Whether these are an image's Frames from the first on: pydicom may stop before the last, as it does for all."""
    for image in images:
        frames = found.reshape(-1, *found.shape[-image.ndim + 1 :])
        if len(frames) and np.array_equal(frames, image[: len(frames)]):
            return True
    return False


def uid_of(path: Path) -> str:
    try:
        return judge.read_meta(path.read_bytes())[0][0x00020010].rstrip(b"\0").decode("ascii")
    except (KeyError, ValueError, IndexError, struct.error):
        return ""


DEPARTING = [
    row for row in OURS if row["class"] != "legal" and uid_of(FOLDER / row["file"]) == judge.DEFLATED_FRAMES
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", DEPARTING, ids=lambda row: row["file"])
def test_what_departs_is_an_error_or_right(tmp_path: Path, row: dict[str, str]) -> None:
    file = (FOLDER / row["file"]).read_bytes()
    for name, call in CALLS.items():
        try:
            found = call(file, tmp_path)
        except Exception:  # noqa: BLE001, S112 - which error does not matter here
            continue
        assert is_one_of(known_images(), found), name


def test_most_of_what_is_grey_is_read(tmp_path: Path) -> None:
    # Or the test before this one would hold for a plugin that reads nothing.
    grey = [row["file"] for row in DEPARTING if row["class"] == "grey" and row["read"] == "decode"]
    read = 0
    for name in grey:
        with warnings.catch_warnings(), suppress(Exception):
            warnings.simplefilter("ignore")
            read += is_one_of(known_images(), by_iteration((FOLDER / name).read_bytes()))
    assert read > 0.7 * len(grey), (read, len(grey))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", [*shared("grey"), *shared("illegal")], ids=name_of)
def test_what_departs_in_the_corpus_is_an_error_or_right(tmp_path: Path, path: Path) -> None:
    expected = by_property(native_file((CORPUS / "vectors" / "L01_canonical_bot.dcm").read_bytes()))
    for name, call in CALLS.items():
        try:
            found = call(path.read_bytes(), tmp_path)
        except Exception:  # noqa: BLE001, S112 - which error does not matter here
            continue
        assert is_one_of([expected], found), name


def test_too_few_fragments_are_an_error_of_their_own() -> None:
    dataset = dataset_of((FOLDER / "I-missing-fragment.dcm").read_bytes())
    # Never a StopIteration, which would end a caller's loop in silence.
    with pytest.raises(EncapsulationError, match=r"2 .* 3"):
        _ = dataset.pixel_array
