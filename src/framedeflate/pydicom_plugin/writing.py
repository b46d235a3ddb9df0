# SPDX-License-Identifier: Apache-2.0
"""A Dataset to a deflated file in one call, the Dataset itself left as it is."""

import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom

from framedeflate.atomic_file import atomic_file
from framedeflate.frame_codec import DEFAULT_LEVEL
from framedeflate.pydicom_plugin.known_uid import make_uid_known
from framedeflate.pydicom_plugin.pixel_data import compress

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["save_deflated"]


def save_deflated(
    dataset: "Dataset",
    path: str | os.PathLike[str],
    *,
    level: int = DEFAULT_LEVEL,
    threads: int = 1,
    overwrite: bool = False,
) -> Path:
    """Write a Dataset as a file in Deflated Image Frame Compression; `dataset` stays native.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With native Pixel Data: a Segmentation that highdicom built, for instance.
    path : path-like
        The file. It takes its name once it is whole.
    level : int
        1 (fastest) to 9 (smallest).
    threads : int
        Worker threads; 0 means all cores.
    overwrite : bool
        Replace a file of that name.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    FrameDeflateError
        As `compress`.
    FileExistsError
        There is such a file, and `overwrite` is not set.
    """
    # pydicom 3.0 refuses to write a Transfer Syntax whose UID it does not know.
    make_uid_known()
    shadow = pydicom.dataset.Dataset()
    shadow.update(dataset)
    shadow.file_meta = copy.deepcopy(getattr(dataset, "file_meta", pydicom.dataset.FileMetaDataset()))
    implicit_vr, little_endian = dataset.original_encoding
    shadow.set_original_encoding(implicit_vr, little_endian, dataset.original_character_set)
    compress(shadow, level=level, threads=threads)
    final = Path(path)
    with atomic_file(final, overwrite=overwrite) as file:
        pydicom.dcmwrite(file, shadow, enforce_file_format=True)
    return final
