# SPDX-License-Identifier: Apache-2.0
"""A folder of instances, one file each under its SOP Instance UID, put in place once and never changed."""

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from framedeflate.atomic_file import flush_folder, put_in_place
from framedeflate.closing import Closing
from framedeflate.errors import (
    DicomFormatError,
    FrameDeflateError,
    InstanceError,
    RoundTripError,
    UnsupportedImageError,
)
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.instance_store.arrivals import Arrival, ArrivalsFolder
from framedeflate.instance_store.check import InstanceFacts, check_instance, is_uid
from framedeflate.instance_store.frames import HELD_FRAME_NBYTES
from framedeflate.instance_store.sameness import MAX_COMPARED_NBYTES, is_same_instance
from framedeflate.transcode import compress_file
from framedeflate.transfer_syntax import DEFLATED_IMAGE_FRAME_COMPRESSION

__all__ = ["InstanceStore", "StorePolicy", "StoredInstance"]

_LOG: Final = logging.getLogger(__name__)

StorePolicy: TypeAlias = Literal["keep", "bilevel", "all"]
"""What is deflated on its way in: nothing, 1-bit images and label maps, or every native image."""

_SHARD: Final = re.compile("[0-9a-f]{2}")

MAX_OBJECT_NBYTES: Final = 8 << 30
MIN_FREE_NBYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInstance:
    """What came of one arrival.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        Of the Data Set.
    path : Path
        The file in the store.
    is_new : bool
        False where the same instance was there already; then the file stayed as it was.
    arrived_transfer_syntax_uid, transfer_syntax_uid : str
        How it arrived, and how the file is encoded.
    number_of_frames : int
        Frames that were verified; 0 where there are none, or they are in a compression that is kept as it is.
    arrived_nbytes, stored_nbytes : int
        Sizes of the two files.
    seconds : float
        Time taken to verify, deflate and put it in place.
    """

    sop_class_uid: str
    sop_instance_uid: str
    path: Path
    is_new: bool
    arrived_transfer_syntax_uid: str
    transfer_syntax_uid: str
    number_of_frames: int
    arrived_nbytes: int
    stored_nbytes: int
    seconds: float


class InstanceStore(Closing):
    """A folder of instances; several threads and processes may use one at once.

    Each instance is one DICOM file, ``DIR/ab/<SOP Instance UID>.dcm``, where ab is the start of the UID's SHA-256.
    So it is found without an index, and its name is taken only once, whoever comes second. A file under such a name
    is whole, verified, flushed to disk, and is never written again.

    Parameters
    ----------
    folder : path-like
        Made where it is missing.
    policy : {"keep", "bilevel", "all"}
        What is deflated on its way in.
    level : int
        As `compress_file`.
    max_object_nbytes : int
        The largest instance.
    min_free_nbytes : int
        What must be left of the disk.

    Raises
    ------
    ValueError
        There is no such policy.
    OSError
        The folder cannot be made or written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        policy: StorePolicy = "bilevel",
        level: int = DEFAULT_LEVEL,
        max_object_nbytes: int = MAX_OBJECT_NBYTES,
        min_free_nbytes: int = MIN_FREE_NBYTES,
    ) -> None:
        if policy not in get_args(StorePolicy):
            raise ValueError(f"policy must be one of {', '.join(get_args(StorePolicy))}")
        self.folder = Path(folder)
        self.policy: StorePolicy = policy
        self.max_object_nbytes = max_object_nbytes
        self._level = level
        _make_folders(self.folder)
        self._arrivals = ArrivalsFolder(
            self.folder, max_object_nbytes=max_object_nbytes, min_free_nbytes=min_free_nbytes
        )
        removed = self._arrivals.clear_abandoned()
        if removed:
            _LOG.warning("%d unfinished files of a process that is no more were removed", removed)
        self._flushed: set[Path] = set()
        self._guard = threading.Lock()

    def arrival(self) -> Arrival:
        """Return a file to write an instance to, as a DICOM file, piece by piece; then `put` it.

        Raises
        ------
        InstanceError
            kind ``disk-left`` | ``interrupted``.
        OSError
            It cannot be made.
        """
        return self._arrivals.new()

    def path_of(self, sop_instance_uid: str) -> Path:
        """Return where an instance lies, whether it is there or not.

        Raises
        ------
        InstanceError
            kind ``no-uid``: other characters than digits and dots must not become the name of a file.
        """
        if not is_uid(sop_instance_uid):
            raise InstanceError("a SOP Instance UID has digits and dots alone (PS3.5 9.1)", kind="no-uid")
        shard = hashlib.sha256(sop_instance_uid.encode("ascii")).hexdigest()[:2]
        return self.folder / shard / f"{sop_instance_uid}.dcm"

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield SOP Instance UID and path of all that is stored, in no order; what arrives meanwhile may be missed."""
        for folder in sorted(self.folder.iterdir()):
            if _SHARD.fullmatch(folder.name) is None:
                continue
            for path in folder.glob("*.dcm"):
                if is_uid(path.stem) and self.path_of(path.stem) == path:
                    yield path.stem, path

    def put(
        self,
        arrival: Arrival,
        *,
        sop_class_uid: str | None = None,
        sop_instance_uid: str | None = None,
        check: Callable[[InstanceFacts], None] = lambda _facts: None,
    ) -> StoredInstance:
        """Verify what arrived and put it in place; once this returns, it survives a power cut.

        Parameters
        ----------
        arrival : Arrival
            Whole; it is removed or has become the file, whatever happens.
        sop_class_uid, sop_instance_uid : str, optional
            What was announced, to be held against the Data Set.
        check : callable
            What else is asked of an instance; it raises where that does not hold, and nothing is stored.

        Raises
        ------
        InstanceError
            Of the kind that fits.
        DicomFormatError, EncapsulationError, FrameDecodeError, UnsupportedImageError
            What arrived is broken.
        OSError
            The disk is full, or fails.
        """
        started = time.monotonic()
        with arrival:
            arrival.finish()
            facts = self._check(arrival.path)
            if sop_class_uid is not None and facts.sop_class_uid != sop_class_uid:
                raise InstanceError("the Data Set is of another SOP Class than announced", kind="sop-class")
            if sop_instance_uid is not None and facts.sop_instance_uid != sop_instance_uid:
                raise InstanceError(
                    "the Data Set is another SOP Instance than announced", kind="sop-instance"
                )
            check(facts)
            final = self.path_of(facts.sop_instance_uid)
            stored_uid = facts.transfer_syntax_uid
            is_new = False
            if not final.exists():
                chosen = self._deflated(arrival, facts)
                if chosen != arrival.path:
                    stored_uid = DEFLATED_IMAGE_FRAME_COMPRESSION
                is_new = self._put_in_place(chosen, final)
            if not is_new:
                stored_uid = self._require_same(final, arrival, facts)
        return StoredInstance(
            sop_class_uid=facts.sop_class_uid,
            sop_instance_uid=facts.sop_instance_uid,
            path=final,
            is_new=is_new,
            arrived_transfer_syntax_uid=facts.transfer_syntax_uid,
            transfer_syntax_uid=stored_uid,
            number_of_frames=0 if facts.image_pixel is None else facts.image_pixel.number_of_frames,
            arrived_nbytes=arrival.nbytes,
            stored_nbytes=final.stat().st_size,
            seconds=time.monotonic() - started,
        )

    def confirm(self, sop_instance_uid: str, sop_class_uid: str) -> InstanceFacts:
        """Read a stored instance through, so that one may answer for it (PS3.4 J).

        Raises
        ------
        InstanceError
            kind ``no-uid`` | ``missing`` | ``sop-class`` | ``damaged``.
        OSError
            The disk fails.
        """
        path = self.path_of(sop_instance_uid)
        try:
            facts = self._check(path)
        except FileNotFoundError:
            raise InstanceError("there is no such instance", kind="missing") from None
        except FrameDeflateError as error:
            raise InstanceError(f"the stored file cannot be read: {error}", kind="damaged") from error
        if facts.sop_instance_uid != sop_instance_uid:
            raise InstanceError("the stored file holds another instance", kind="damaged")
        if facts.sop_class_uid != sop_class_uid:
            raise InstanceError("the stored instance is of another SOP Class", kind="sop-class")
        return facts

    def remove(self, sop_instance_uid: str) -> bool:
        """Delete an instance's file, durably; False where there is none.

        Raises
        ------
        InstanceError
            kind ``no-uid``.
        OSError
            The disk fails.
        """
        path = self.path_of(sop_instance_uid)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        flush_folder(path.parent)
        return True

    def close(self) -> None:
        """End all arrivals; what is unfinished is removed."""
        self._arrivals.close()

    def _check(self, path: Path) -> InstanceFacts:
        return check_instance(
            path,
            folder=self._arrivals.path,
            limit_nbytes=self.max_object_nbytes,
            check_disk=self._arrivals.check_disk,
        )

    def _deflated(self, arrival: Arrival, facts: InstanceFacts) -> Path:
        """Return the file to put in place: the one that arrived, or its Frames deflated, proven and flushed."""
        image_pixel = facts.image_pixel
        if (
            self.policy == "keep"
            or image_pixel is None
            or facts.is_signed
            or facts.transfer_syntax_uid == DEFLATED_IMAGE_FRAME_COMPRESSION
            or image_pixel.frame_nbytes > HELD_FRAME_NBYTES
            or facts.recoded_nbytes > MAX_COMPARED_NBYTES
        ):
            return arrival.path
        deflated = arrival.deflated_path
        try:
            result = compress_file(arrival.path, deflated, level=self._level, policy=self.policy)
        except (UnsupportedImageError, DicomFormatError) as error:
            # Whole and verified, but not to be carried by this Transfer Syntax, or not chosen: it stays as it came.
            if error.kind != "policy":
                _LOG.info("%s is kept as it arrived: %s", facts.sop_instance_uid, error.kind)
            return arrival.path
        except RoundTripError:
            _LOG.exception("%s is kept as it arrived: deflating failed its proof", facts.sop_instance_uid)
            return arrival.path
        if self.policy == "all" and result.destination_nbytes >= result.source_nbytes:
            # Noise: nothing is gained, and others would have to inflate it.
            return arrival.path
        return deflated

    def _put_in_place(self, path: Path, final: Path) -> bool:
        """Give the file its final name, durably; False where another came first."""
        self._make_folder(final.parent)
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            put_in_place(path, final, overwrite=False)
        except FileExistsError:
            return False
        flush_folder(final.parent)
        return True

    def _make_folder(self, folder: Path) -> None:
        """Make a folder that survives a power cut; by whichever process it was made, its name is flushed here too."""
        if folder in self._flushed:
            return
        folder.mkdir(exist_ok=True)
        flush_folder(self.folder)
        with self._guard:
            self._flushed.add(folder)

    def _require_same(self, final: Path, arrival: Arrival, facts: InstanceFacts) -> str:
        """Hold an arrival against what has its name already; return the Transfer Syntax of that.

        Raises
        ------
        InstanceError
            kind ``duplicate`` | ``damaged``.
        """
        try:
            stored = self._check(final)
        except FrameDeflateError as error:
            raise InstanceError(
                f"what is stored under this SOP Instance UID cannot be read ({error}); look at {final}",
                kind="damaged",
            ) from error
        if not is_same_instance(final, stored, arrival.path, facts, folder=self._arrivals.path):
            raise InstanceError(
                "another instance with this SOP Instance UID is stored already; it was left as it is",
                kind="duplicate",
            )
        # Who put it there may not have come to this yet, and we are about to answer for it.
        flush_folder(final.parent)
        return stored.transfer_syntax_uid


def _make_folders(folder: Path) -> None:
    """Make a folder and what lies above it; their names survive a power cut, as all below them must."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        flush_folder(one.parent)
