# SPDX-License-Identifier: Apache-2.0
"""The index of a store: where the Frames of its instances are, and what searches ask for; made of the files alone.

This is the table of contents; each name comes with its first use. What reads files needs no database, and `Index`
needs the extra ``web``.
"""

from typing import TYPE_CHECKING

from framedeflate.table_of_contents import names_at_first_use

if TYPE_CHECKING:
    from framedeflate.web.index.description import describe_instance
    from framedeflate.web.index.index import Index
    from framedeflate.web.index.records import FRAME, IndexedInstance, NewInstance, PixelDataPlace
    from framedeflate.web.index.reindexing import ReindexCounts, reindex

__all__ = [
    "FRAME",
    "Index",
    "IndexedInstance",
    "NewInstance",
    "PixelDataPlace",
    "ReindexCounts",
    "describe_instance",
    "reindex",
]

__getattr__ = names_at_first_use(
    __name__,
    {
        "FRAME": "records",
        "Index": "index",
        "IndexedInstance": "records",
        "NewInstance": "records",
        "PixelDataPlace": "records",
        "ReindexCounts": "reindexing",
        "describe_instance": "description",
        "reindex": "reindexing",
    },
)
