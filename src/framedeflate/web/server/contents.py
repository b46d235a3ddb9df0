# SPDX-License-Identifier: Apache-2.0
"""What is in stored files beyond the index: headers scanned, Items walked, Data Sets inflated; the last are kept."""

import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, TypeVar

from anyio import CapacityLimiter

from framedeflate.byte_source import ByteSource, drive, sequential_reader
from framedeflate.data_set.deflated import inflate_data_set
from framedeflate.errors import InstanceError
from framedeflate.part10 import read_data_set_layout, read_file_meta, scan_data_set
from framedeflate.stored_frames import StoredFrames, open_frames
from framedeflate.transcode.foreign_source import ForeignFrames
from framedeflate.transfer_syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_IMAGE_FRAME_COMPRESSION,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)
from framedeflate.web.index import IndexedInstance
from framedeflate.web.payloads.stored_object import StoredObject
from framedeflate.web.server.open_files import OpenFile, OpenFiles

__all__ = ["Contents"]

V = TypeVar("V")

_MAX_IMAGES: Final = 16
_MAX_KEPT_FRAGMENTS: Final = 1 << 20
"""Of one image; each takes 12 bytes."""

_MAX_KEPT_NBYTES: Final = 1 << 30
"""Of inflated Data Sets, on disk."""

_DISK_CHECK_NBYTES: Final = 16 << 20
_MIN_FREE_NBYTES: Final = 1 << 28
"""What an inflated Data Set leaves of the disk: a retrieval must not be what keeps others from storing."""

_WORKERS: Final = 16


class Contents:
    """Stored instances, opened for what a request needs of them. All of it blocks: call it in threads.

    Parameters
    ----------
    files : OpenFiles
    folder : Path
        Where Data Sets of 1.2.840.10008.1.2.1.99 are inflated to, in files without a name.
    max_inflated_nbytes : int
        The largest of those that is served.
    max_inflating : int
        How many compute at a time.
    """

    def __init__(
        self, files: OpenFiles, folder: Path, *, max_inflated_nbytes: int, max_inflating: int
    ) -> None:
        self._files = files
        self.folder: Final = folder
        self._max_inflated_nbytes = max_inflated_nbytes
        self._max_inflating = max_inflating
        self._turns: CapacityLimiter | None = None
        self._guard = threading.Lock()
        self._images: OrderedDict[str, StoredFrames] = OrderedDict()
        self._inflated: OrderedDict[str, OpenFile] = OrderedDict()
        self._working = [threading.Lock() for _ in range(_WORKERS)]

    @property
    def turns(self) -> CapacityLimiter:
        """For those who inflate, decode or encode anew in threads; asked for in the event loop."""
        if self._turns is None:
            self._turns = CapacityLimiter(self._max_inflating)
        return self._turns

    def stored(self, instance: IndexedInstance) -> StoredObject:
        """Return an instance with its file open.

        Raises
        ------
        OSError, InstanceError
            As `OpenFiles.get`.
        """
        source = self._files.get(instance)
        return StoredObject(
            instance,
            source,
            native=lambda: self._native(instance, source),
            inflated=lambda: self._inflate(instance, source),
        )

    def frames(self, instance: IndexedInstance) -> StoredFrames:
        """Return the Frames of an instance as native bytes, by index from 0, whatever its Transfer Syntax.

        Raises
        ------
        UnsupportedImageError, MissingExtraError
            They cannot be had: no image, or no decoder here.
        FrameDeflateError, OSError
            The file is damaged, or the disk.
        """
        return self.stored(instance).native()

    def forget(self, etag: str) -> None:
        """Let go of all that is held of the file with this digest: it was deleted, and its room is wanted."""
        self._files.forget(etag)
        with self._guard:
            self._images.pop(etag, None)
            self._inflated.pop(etag, None)

    def _native(self, instance: IndexedInstance, source: OpenFile) -> StoredFrames:
        if instance.transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
            # Not kept, or it would hold the inflated file beyond its own place.
            inflated = self._inflate(instance, source)
            plan = scan_data_set(0, inflated.nbytes, implicit_vr=False, big_endian=False)
            return open_frames(inflated, drive(plan, inflated), EXPLICIT_VR_LITTLE_ENDIAN)
        frames = self._once(self._images, instance, lambda: _open(instance, source))
        if frames.index is not None and len(frames.index.fragments) > _MAX_KEPT_FRAGMENTS:
            with self._guard:
                self._images.pop(instance.etag, None)
        return frames

    def _inflate(self, instance: IndexedInstance, source: OpenFile) -> OpenFile:
        return self._once(self._inflated, instance, lambda: self._inflated_file(source))

    def _once(self, kept: "OrderedDict[str, V]", instance: IndexedInstance, make: Callable[[], V]) -> V:
        """Return what is kept of an instance; of those who ask for it at the same time, one makes it."""
        key = instance.etag
        with self._working[hash(key) % _WORKERS]:
            with self._guard:
                found = kept.get(key)
                if found is not None:
                    kept.move_to_end(key)
                    return found
            made = make()
            with self._guard:
                kept[key] = made
                # What is being sent stays until it is sent, whether it has a place here or not.
                while len(self._images) > _MAX_IMAGES:
                    self._images.popitem(last=False)
                while sum(one.nbytes for one in self._inflated.values()) > _MAX_KEPT_NBYTES:
                    self._inflated.popitem(last=False)
            return made

    def _inflated_file(self, source: ByteSource) -> OpenFile:
        meta = read_file_meta(source)
        with TemporaryFile(dir=self.folder) as file:
            unchecked = 0

            def write(block: bytes) -> None:
                nonlocal unchecked
                unchecked += len(block)
                if unchecked > _DISK_CHECK_NBYTES:
                    unchecked = 0
                    _check_disk(self.folder)
                file.write(block)

            read = sequential_reader(source, meta.data_set_position)
            inflate_data_set(
                read, write, limit_nbytes=self._max_inflated_nbytes, position=meta.data_set_position
            )
            file.flush()
            return OpenFile(os.dup(file.fileno()))


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _MIN_FREE_NBYTES:
        raise InstanceError(
            f"{free} bytes are left of the disk, too few to inflate a Data Set", kind="disk-left"
        )


def _open(instance: IndexedInstance, source: OpenFile) -> StoredFrames:
    uid = instance.transfer_syntax_uid
    layout = read_data_set_layout(source, read_file_meta(source))
    if uid in NATIVE or uid in {DEFLATED_IMAGE_FRAME_COMPRESSION, ENCAPSULATED_UNCOMPRESSED}:
        return open_frames(source, layout, uid)
    return ForeignFrames(source, layout, uid)
