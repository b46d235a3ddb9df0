# SPDX-License-Identifier: Apache-2.0
"""Errors cross process borders whole: class, message, kind and numbers."""

import copy
import inspect
import pickle

import pytest

from framedeflate import errors

EXAMPLES = [
    errors.FrameDeflateError("message"),
    errors.ImagePixelError(["Rows is 0", "Columns is 0"]),
    errors.DicomFormatError("message", kind="truncated", position=7),
    errors.EncapsulationError("message", kind="bad-item", position=7),
    errors.FrameError("message", frame_number=3),
    errors.FrameDecodeError("message", kind="bad-data", expected_nbytes=9, consumed_nbytes=5, frame_number=3),
    errors.FrameEncodeError("message", frame_number=3),
    errors.FrameNumberError(frame_number=9, number_of_frames=3),
    errors.SegmentError("message", kind="label-map", segment_number=3),
    errors.UnsupportedImageError("message", kind="no-pixel-data"),
    errors.TransferSyntaxError("message", uid="1.2.840.10008.1.2"),
    errors.RoundTripError("message", frame_number=3),
    errors.MissingExtraError(extra="codecs", feature="decoding"),
    errors.SegmentationError("message", kind="label", plane_number=4),
    errors.ArchiveError("message", kind="locked"),
    errors.UnsupportedSourceError("message", kind="text-mode"),
    errors.InstanceError("message", kind="duplicate"),
    errors.TlsSettingsError("message"),
    errors.RemoteSourceError("message", kind="not-found", position=7, status=404),
    errors.AssociationError("message", kind="aborted"),
    errors.MediaTypeError("message", kind="syntax"),
    errors.SearchError("an attribute twice", kind="duplicate"),
    errors.StoreIndexError("busy", kind="unavailable"),
    errors.MultipartError("message", kind="truncated", position=7),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_a_process_border(error: errors.FrameDeflateError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_every_class_has_an_example() -> None:
    classes = {kind for _, kind in inspect.getmembers(errors, inspect.isclass)}
    assert {type(error) for error in EXAMPLES} == {
        kind for kind in classes if issubclass(kind, errors.FrameDeflateError)
    }
