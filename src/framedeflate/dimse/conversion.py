# SPDX-License-Identifier: Apache-2.0
"""An instance in the Transfer Syntax that a peer accepted, with the same SOP Instance UID, as a file."""

from pathlib import Path

from framedeflate.atomic_file import atomic_file
from framedeflate.byte_source import FileSource
from framedeflate.data_set.encoding import to_explicit_little, to_implicit_little
from framedeflate.dimse.stored_instance import StoredInstance
from framedeflate.errors import UnsupportedImageError
from framedeflate.part10 import read_data_set_layout, read_file_meta
from framedeflate.transcode.compress import compress_file
from framedeflate.transcode.data_set import decompress_data_set_file
from framedeflate.transcode.decompress import decompress_file
from framedeflate.transcode.file_meta import encode_file_meta
from framedeflate.transcode.result import Progress
from framedeflate.transcode.segments import read_segments
from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

__all__ = ["convert"]


def convert(
    instance: StoredInstance,
    transfer_syntax_uid: str,
    destination: Path,
    *,
    level: int,
    progress: Progress | None = None,
) -> None:
    """Write an instance in another Transfer Syntax.

    Parameters
    ----------
    instance : StoredInstance
        The source.
    transfer_syntax_uid : str
        One of those that `transfer_syntaxes` names for it.
    destination : Path
        The file to write.
    level : int
        1 to 9, where Frames are deflated; every one is inflated again and compared.
    progress : callable, optional
        Called with (frames done, frames in all).

    Raises
    ------
    FrameDeflateError
        As `compress_file` and `decompress_file`; UnsupportedImageError also for Fragments that no image describes.
    """
    implicit_vr = transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
    if transfer_syntax_uid == DEFLATED_IMAGE_FRAME_COMPRESSION:
        compress_file(instance.path, destination, level=level, progress=progress)
    elif instance.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        decompress_data_set_file(instance.path, destination, implicit_vr=implicit_vr)
    elif instance.has_pixel_data:
        decompress_file(instance.path, destination, implicit_vr=implicit_vr, progress=progress)
    else:
        _encode_anew(instance.path, transfer_syntax_uid, destination, implicit_vr=implicit_vr)


def _encode_anew(path: Path, uid: str, destination: Path, *, implicit_vr: bool) -> None:
    """Write a native Data Set without Frames in the other native encoding; it is held in memory, 128 MiB at most."""
    with FileSource.open(path) as source:
        meta = read_file_meta(source)
        layout = read_data_set_layout(source, meta)
        if layout.pixel_data is not None and layout.pixel_data.is_undefined_length:
            # Fragments whose image nobody can tell: what they are once native is not known.
            layout.image_pixel()
            raise UnsupportedImageError(
                "these Fragments are no image that can be made native", kind="encapsulated"
            )
        data_set = read_segments(source, [(layout.position, layout.end_position)])
    if layout.implicit_vr or layout.big_endian:
        data_set = to_explicit_little(
            data_set, implicit_vr=layout.implicit_vr, big_endian=layout.big_endian, position=layout.position
        )
    if implicit_vr:
        data_set = to_implicit_little(data_set, position=layout.position)
    with atomic_file(destination) as file:
        file.write(encode_file_meta(meta, uid))
        file.write(data_set)
