# SPDX-License-Identifier: Apache-2.0
"""Reading through pydicom after register(), beside pydicom's own loop with a decoder that does nothing.

That loop is the floor of any plugin that is asked a Frame at a time. Compared are Dataset.pixel_array, iter_pixels of
a Dataset, and pixel_array(path, index=i), for one Frame and for a thousand, of 1 bit (sparse and dense), 8 and 16 bits
and RGB; and decode_frames of the same Fragments, which is what inflating them into one array takes without pydicom.
Both take turns in one process; each figure is the median of the rounds' processor times, as a ratio to the idle
decoder's. The idle decoder returns one Frame of zeros over and over; 1-bit Frames come from it with a byte for each
pixel, so that pydicom need not unpack them. Pixels are compared with numpy's reading of the same Frames before
anything is timed.

The result is stored by pydicom's version: as "pydicom" for a released one, as "pydicomdev" for one in development.

    python benchmarks/bench_pydicom.py
    python benchmarks/bench_pydicom.py --quick    3 Frames at most, one round
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import iter_pixels, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import framedeflate.pydicom_plugin as plugin
from command import Options, run
from frame_sets import FrameSet, all_sets
from framedeflate import ImagePixel, decode_frames
from idle_decoder import idle
from interleave import WrongResultError, take_turns
from pydicom_tables import ALONE, IDLE, OURS, reading

__all__ = ["main", "measure"]

Call = Callable[[], "NDArray[Any]"]

_COUNTS: Final = (1, 1000)
_QUICK_COUNTS: Final = (1, 3)
NAME: Final = "pydicomdev" if "dev" in pydicom.__version__ else "pydicom"


def measure(options: Options) -> dict[str, Any]:
    """Return the times of all calls, as ratios to the idle decoder's, by set, number of Frames and call."""
    plugin.register()
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    sets = _sets(options)
    table: dict[str, dict[str, dict[str, float]]] = {}
    with TemporaryDirectory() as folder:
        for one in sets:
            table[one.name] = {}
            for count in _QUICK_COUNTS if options.quick else _COUNTS:
                path = Path(folder) / "deflated.dcm"
                _write(one, count, path)
                table[one.name][str(count)] = _contests(one, count, path, options)
    return {"pydicom": pydicom.__version__, "kinds": {one.name: _kind(one) for one in sets}, "times": table}


def _sets(options: Options) -> list[FrameSet]:
    """Return a sparse and a dense 1-bit set, and the first of each other kind of pixel."""
    sets = [one for one in all_sets(options.frames) if not one.is_cut]
    bilevel = [one for one in sets if one.kind == "1-bit" and one.columns == 512]
    found = {_kind(one): one for one in reversed(sets) if one.kind != "1-bit"}
    chosen = [bilevel[0], bilevel[len(bilevel) // 2], *found.values()]
    names = options.chosen([one.name for one in chosen])
    return [one for one in chosen if one.name in names]


def _kind(one: FrameSet) -> str:
    if one.samples_per_pixel > 1:
        return "RGB"
    return f"{one.bits_allocated} bit{'s' if one.bits_allocated > 1 else ''}"


def _write(one: FrameSet, count: int, path: Path) -> None:
    """Write a Secondary Capture of the set's Frames, over and over, deflated at level 1."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.2", generate_uid()
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = one.rows, one.columns, count
    dataset.SamplesPerPixel = one.samples_per_pixel
    dataset.PhotometricInterpretation = "RGB" if one.samples_per_pixel > 1 else "MONOCHROME2"
    if one.samples_per_pixel > 1:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = one.bits_allocated
    dataset.HighBit, dataset.PixelRepresentation = one.bits_allocated - 1, 0
    native = b"".join(one.frames[number % len(one.frames)] for number in range(count))
    dataset.PixelData = native + bytes(len(native) % 2)
    dataset["PixelData"].VR = "OW" if one.bits_allocated > 8 else "OB"
    plugin.save_deflated(dataset, path, overwrite=True)


def _contests(one: FrameSet, count: int, path: Path, options: Options) -> dict[str, float]:
    dataset = pydicom.dcmread(path)
    index = count // 2
    frames = [_pixels(frame, one) for frame in one.frames[:count]]
    last = frames[(count - 1) % len(frames)]

    def whole() -> NDArray[Any]:
        dataset._pixel_array, dataset._pixel_id = None, {}
        array: NDArray[Any] = dataset.pixel_array
        return array if count > 1 else array[None]

    calls: dict[str, tuple[Call, Callable[[NDArray[Any]], bool]]] = {
        "Dataset.pixel_array": (
            whole,
            lambda array: (
                len(array) == count
                and all(np.array_equal(pixels, frames[n % len(frames)]) for n, pixels in enumerate(array))
            ),
        ),
        "iter_pixels": (partial(_iterate, dataset), partial(np.array_equal, last)),
        "pixel_array(path, index=i)": (
            partial(pixel_array, path, index=index),
            partial(np.array_equal, frames[index % len(frames)]),
        ),
    }
    described = ImagePixel(
        rows=one.rows,
        columns=one.columns,
        bits_allocated=one.bits_allocated,
        samples_per_pixel=one.samples_per_pixel,
        photometric_interpretation=dataset.PhotometricInterpretation,
    )
    fragments = list(generate_frames(dataset.PixelData, number_of_frames=count))
    inflating: dict[str, Call] = {ALONE: partial(decode_frames, fragments, described)}
    ratios: dict[str, float] = {}
    for name, (call, is_right) in calls.items():
        # Beside the call that makes one array of all Frames.
        found = _contest(name, call, is_right, options, {} if ratios else inflating)
        ratios[name] = found.pop(OURS)
        ratios |= found
    return ratios


def _iterate(dataset: Dataset) -> NDArray[Any]:
    for pixels in iter_pixels(dataset):  # noqa: B007 - the last one is looked at
        pass
    found: NDArray[Any] = pixels
    return found


def _pixels(frame: bytes, one: FrameSet) -> NDArray[Any]:
    """Return numpy's own reading of a Frame."""
    if one.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(frame, np.uint8), bitorder="little")
        return bits[: one.rows * one.columns].reshape(one.rows, one.columns)
    shape = (
        (one.rows, one.columns, one.samples_per_pixel)
        if one.samples_per_pixel > 1
        else (one.rows, one.columns)
    )
    return np.frombuffer(frame, f"<u{one.bits_allocated // 8}").reshape(shape)


def _contest(
    name: str, call: Call, is_right: Callable[[NDArray[Any]], bool], options: Options, others: dict[str, Call]
) -> dict[str, float]:
    """Return the time of ours, and of others that give the same, as ratios to the idle decoder's."""

    def idly() -> NDArray[Any]:
        with idle():
            return call()

    def check(who: str, output: NDArray[Any]) -> None:
        if who == IDLE and output.any():
            raise WrongResultError(f"{name} was not decoded by the idle decoder")
        if who != IDLE and not is_right(output):
            raise WrongResultError(f"{name}, {who}: these are not the pixels")

    contestants = {IDLE: idly, OURS: call, **others}
    seconds = take_turns(contestants, check, options.rounds, least_seconds=options.least_seconds)
    return {who: seconds[who] / seconds[IDLE] for who in seconds if who != IDLE}


def main(arguments: Sequence[str] | None = None) -> int:
    return run(NAME, __doc__ or "", measure, reading, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
