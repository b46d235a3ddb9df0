# SPDX-License-Identifier: Apache-2.0
"""The one table of real files that are not transcoded, and why; and of departures that sources bring along."""

from framedeflate.errors import (
    DicomFormatError,
    FrameDecodeError,
    FrameDeflateError,
    UnsupportedImageError,
)

NO_IMAGE = (UnsupportedImageError, "no-pixel-data")

NOT_TRANSCODED: dict[str, tuple[type[FrameDeflateError], str, str]] = {
    # file name (without "pydicom__" and folders): error, its kind, the reason
    "pydicom-data__parametric_map_float.dcm": (
        UnsupportedImageError,
        "float-pixel-data",
        "Float Pixel Data is not allowed in this Transfer Syntax (PS3.5 A.4)",
    ),
    "pydicom-data__parametric_map_double_float.dcm": (
        UnsupportedImageError,
        "float-pixel-data",
        "Double Float Pixel Data is not allowed in this Transfer Syntax (PS3.5 A.4)",
    ),
    "MR_truncated.dcm": (UnsupportedImageError, "short-pixel-data", "the file was cut inside its Pixel Data"),
    "badVR.dcm": (UnsupportedImageError, "number-of-frames", 'Number of Frames is "1A"'),
    "JPEG-lossy.dcm": (
        UnsupportedImageError,
        "decoder",
        "12-bit JPEG Extended: only a GPL package decodes it",
    ),
    "JPGExtended.dcm": (
        UnsupportedImageError,
        "decoder",
        "12-bit JPEG Extended: only a GPL package decodes it",
    ),
    "JPEG2000-embedded-sequence-delimiter.dcm": (
        FrameDecodeError,
        "bad-data",
        "a Sequence Delimitation Item was written over the codestream's header; pydicom's plugins fail too",
    ),
    "nested_priv_SQ.dcm": (UnsupportedImageError, "image-pixel", "Pixel Data without Rows and Columns"),
    "meta_missing_tsyntax.dcm": (DicomFormatError, "bad-meta", "the File Meta names no Transfer Syntax"),
    "DICOMDIR-nooffset": (DicomFormatError, "truncated", "a DICOMDIR whose last sequence was cut"),
    "rtplan_truncated.dcm": (DicomFormatError, "truncated", "the file was cut inside its Data Set"),
    # No Pixel Data at all: reports, plans, directories, waveforms, structure sets.
    **dict.fromkeys(
        (
            "DICOMDIR",
            "DICOMDIR-bigEnd",
            "DICOMDIR-empty.dcm",
            "DICOMDIR-implicit",
            "DICOMDIR-nopatient",
            "DICOMDIR-reordered",
            "UN_sequence.dcm",
            "empty_charset_LEI.dcm",
            "no_meta_group_length.dcm",
            "priv_SQ.dcm",
            "reportsi.dcm",
            "reportsi_with_empty_number_tags.dcm",
            "rtplan.dcm",
            "test-SR.dcm",
            "waveform_ecg.dcm",
        ),
        (*NO_IMAGE, "the object holds no Pixel Data"),
    ),
}

SOURCE_DEPARTURES: dict[str, tuple[set[str], str]] = {
    # file name: problem kinds that `verify_file` reports of our output too, the reason
    **{
        name: (
            {"media-storage-sop-instance-uid"},
            "the source's File Meta names another SOP Instance UID, and attributes are not changed",
        )
        for name in (
            "rtdose.dcm",
            "rtdose_1frame.dcm",
            "rtdose_expb.dcm",
            "rtdose_expb_1frame.dcm",
            "highdicom__sm_image_grayscale.dcm",
        )
    },
}


def plain_name(name: str) -> str:
    """The name by which the tables know a file."""
    return name.removeprefix("pydicom__").rsplit("/", 1)[-1]


def refusal(name: str) -> tuple[type[FrameDeflateError], str, str] | None:
    """The row of the table for a file, or None: it is transcoded."""
    if "TINY_ALPHA/PT000000" in name:
        return (*NO_IMAGE, "one of the 50 images of a test DICOMDIR, whose Pixel Data was taken out")
    return NOT_TRANSCODED.get(plain_name(name))
