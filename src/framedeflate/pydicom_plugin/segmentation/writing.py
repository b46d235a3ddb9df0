# SPDX-License-Identifier: Apache-2.0
"""A Segmentation written from planes that come one after the other, whatever their number."""

import os
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydicom.uid import UID

from framedeflate.atomic_file import atomic_file
from framedeflate.data_set.element import replace_elements
from framedeflate.encapsulation import Items
from framedeflate.errors import SegmentationError
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.pydicom_plugin.known_uid import make_uid_known
from framedeflate.pydicom_plugin.segmentation.collecting import FrameBatch, PlaneCollector
from framedeflate.pydicom_plugin.segmentation.file_parts import encode_around, refusing
from framedeflate.pydicom_plugin.segmentation.frame_items import write_frame_items
from framedeflate.pydicom_plugin.segmentation.frame_order import FrameOrder
from framedeflate.pydicom_plugin.segmentation.spool import FragmentSpool, Spool
from framedeflate.pydicom_plugin.segmentation.template import Template
from framedeflate.transcode.checked_items import deflate_items
from framedeflate.transcode.file_meta import new_uid
from framedeflate.transcode.fragment_writer import FragmentWriter
from framedeflate.transcode.result import Progress
from framedeflate.transcode.stages import Stages, worker_count

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

__all__ = ["write_segmentation"]


def write_segmentation(
    path: str | os.PathLike[str],
    template: "Dataset",
    planes: "Iterable[NDArray[Any]]",
    *,
    source_images: "Iterable[Dataset] | None" = None,
    positions: Iterable[Iterable[float]] | None = None,
    sop_instance_uid: str | None = None,
    omit_empty_frames: bool = True,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a Segmentation (PS3.3 A.51) in Deflated Image Frame Compression plane by plane, never holding all of it.

    A segment that is in a plane becomes a Frame, deflated and compared at once, and spooled in the destination's
    folder until all are known. Frames are stored segment by segment, each along the stack, as highdicom stores them.

    Parameters
    ----------
    path : path-like
        The file. It takes its name once it is whole.
    template : pydicom.Dataset
        A Segmentation of type BINARY or LABELMAP that describes all segments, of one plane, for instance: patient,
        study, series, segments, orientation, pixel measures and dimensions are taken from it. It stays as it is.
    planes : iterable of ndarray
        One after the other, each asked for when the one before is done. Segment numbers of shape (rows, columns), 0 for
        none; or, where segments overlap, 0 and 1 of shape (rows, columns, segments), in the order of the template's
        Segment Sequence.
    source_images : iterable of pydicom.Dataset, optional
        For each plane the single-frame image on whose pixels it lies: it gives the position, and is referred to.
    positions : iterable of sequences of float, optional
        Instead: for each plane the Image Position (Patient) of shape (3,) in mm; or, where the template is tiled, row
        and column in the total pixel matrix, from 1. The Frames then name no source image of their own.
    sop_instance_uid : str, optional
        By default a new one.
    omit_empty_frames : bool
        Leave out the Frames in which nothing is. Where nothing is in any plane, all are stored.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        Worker threads; 0 means all cores. The Frames written do not depend on it.
    overwrite : bool
        Replace a file of that name.
    progress : callable, optional
        Called with (planes done, planes in all), the latter 0 as long as neither `planes` nor where they are has a
        length.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    SegmentationError
        kind ``template`` | ``plane`` | ``label`` | ``position`` | ``source-image`` | ``plane-count``; nothing is left
        under the name, as after every error.
    ValueError
        Not one of `source_images` and `positions`; `level`, `threads` or `sop_instance_uid` is none.
    RoundTripError
        A Frame did not decode to its native bytes: a defect of this package.
    FileExistsError
        There is such a file, and `overwrite` is not set.
    OSError
        The file cannot be written.
    """
    if (source_images is None) == (positions is None):
        raise ValueError("give either source_images or positions, so that it is known where the planes are")
    if sop_instance_uid is not None and not UID(sop_instance_uid).is_valid:
        raise ValueError("sop_instance_uid is no valid UID (PS3.5 9.1)")
    workers = worker_count(threads)
    # pydicom 3.0 refuses to write a Transfer Syntax whose UID it does not know.
    make_uid_known()
    final = Path(path)
    with refusing():
        said = Template.of(template, sop_instance_uid or new_uid())
    in_all = _length(planes) or _length(positions if source_images is None else source_images)
    with (
        atomic_file(final, overwrite=overwrite) as file,
        Spool(final.parent) as groups,
        Spool(final.parent) as pieces,
    ):
        fragments = FragmentSpool(pieces)
        with refusing():
            collector = PlaneCollector(said, groups)

        def encode(batch: FrameBatch) -> Items:
            return deflate_items(
                batch.native,
                said.image_pixel,
                level=level,
                threads=1,
                check=True,
                first_frame_number=batch.first_frame_number,
            )

        with Stages(encode, workers=workers) as stages:
            batches = collector.batches(planes, source_images=source_images, positions=positions)
            for items in stages.results(batches):
                fragments.append(items)
                if progress is not None:
                    progress(collector.number_of_planes, in_all)
        if not collector.number_of_planes:
            raise SegmentationError("there is no plane; give one at least", kind="plane-count")
        is_blank_needed = not omit_empty_frames or not len(fragments)
        order = FrameOrder.of(
            said,
            collector.places,
            collector.planes,
            collector.segments,
            blank_in=collector.number_of_planes if is_blank_needed else 0,
        )
        if is_blank_needed:
            fragments.append(encode(FrameBatch(bytearray(said.image_pixel.frame_nbytes), 0)))
        _write(file, said, collector, order, fragments)
        if progress is not None:
            progress(collector.number_of_planes, collector.number_of_planes)
    return final


def _length(iterable: object) -> int:
    return len(iterable) if isinstance(iterable, Sized) else 0


def _write(
    file: BinaryIO,
    template: Template,
    collector: PlaneCollector,
    order: FrameOrder,
    fragments: FragmentSpool,
) -> None:
    """Write the file once everything is known."""
    attributes = {
        "NumberOfFrames": len(order),
        "SegmentsOverlap": "YES" if collector.cutter.overlap else "NO",
        **collector.places.attributes(order.included),
    }
    parts = encode_around(template.data_set, attributes)
    file.write(parts.meta)
    file.write(replace_elements(parts.head, collector.references.elements()))
    write_frame_items(file, template, order, collector.groups)
    file.write(parts.between)
    writer = FragmentWriter(file, len(order))
    for stream in order.streams.tolist():
        writer.write(fragments[stream])
    writer.finish()
    file.write(parts.tail)
