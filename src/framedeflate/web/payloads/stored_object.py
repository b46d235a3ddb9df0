# SPDX-License-Identifier: Apache-2.0
"""A stored instance with what its payloads are made from."""

from collections.abc import Callable
from dataclasses import dataclass

from framedeflate.byte_source import ByteSource
from framedeflate.stored_frames import StoredFrames
from framedeflate.web.index.records import IndexedInstance

__all__ = ["StoredObject"]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An instance, its file, and what is known of it beyond the index once somebody asks.

    Attributes
    ----------
    instance : IndexedInstance
        With its frame table.
    source : ByteSource
        The file.
    native : callable
        Gives its Frames as native bytes. The first call reads the header, and all Items where it has any; errors as
        `image_of_source`.
    inflated : callable
        Gives the Data Set of 1.2.840.10008.1.2.1.99, inflated whole.
    """

    instance: IndexedInstance
    source: ByteSource
    native: Callable[[], StoredFrames]
    inflated: Callable[[], ByteSource]
