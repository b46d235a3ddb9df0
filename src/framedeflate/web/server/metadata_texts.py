# SPDX-License-Identifier: Apache-2.0
"""Metadata of instances as texts, kept deflated once they were written."""

import threading
from typing import Final

from framedeflate.web.index import IndexedInstance
from framedeflate.web.index.cache import BoundedCache
from framedeflate.web.metadata.coded_text import CodedText, code
from framedeflate.web.metadata.dicom_json import write_json
from framedeflate.web.metadata.native_model import write_native_model
from framedeflate.web.server.contents import Contents
from framedeflate.web.server.stored_data_set import stored_data_set

__all__ = ["MetadataTexts", "instance_url"]

_WRITERS: Final = 16
_TEXT_NBYTES: Final = 512
"""About what a text takes beside its stream."""


class MetadataTexts:
    """Texts by instance, bounded in bytes.

    Parameters
    ----------
    contents : Contents
    max_nbytes : int
        Of all streams that are kept.
    """

    def __init__(self, contents: Contents, max_nbytes: int) -> None:
        self._contents: Final = contents
        self._kept = BoundedCache[CodedText](max_nbytes)
        self._writing = [threading.Lock() for _ in range(_WRITERS)]

    def get(self, instance: IndexedInstance, root: str, *, xml: bool) -> CodedText:
        """Return the text of an instance, written now where it is not kept; it blocks.

        Parameters
        ----------
        instance : IndexedInstance
        root : str
            URL of the service, for the values that are given by URI.
        xml : bool
            Native DICOM Model in the place of DICOM JSON.

        Raises
        ------
        FrameDeflateError, OSError
            The file is damaged, or gone.
        """
        key = (instance.etag, root, xml)
        if (found := self._kept.get(key)) is not None:
            return found
        # Several who ask for the same wait for one.
        with self._writing[hash(key) % _WRITERS]:
            if (found := self._kept.get(key)) is not None:
                return found
            generation = self._kept.generation
            write = write_native_model if xml else write_json
            location = f"{instance_url(root, instance)}/bulkdata/"
            data_set = stored_data_set(self._contents.stored(instance))
            text = code(write(data_set, bulkdata_uri=location.__add__), folder=self._contents.folder)
            self._kept.put(key, text, text.stream_nbytes + _TEXT_NBYTES, generation=generation)
            return text


def instance_url(root: str, instance: IndexedInstance) -> str:
    """Return the URL of an instance."""
    return (
        f"{root}/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )
