# SPDX-License-Identifier: Apache-2.0
"""How instances come into the store: proven, in place, in the index, and only then acknowledged.

ingest             one file; what all others end in
store_transaction  the payload of a Store (PS3.18 10.5), its parts and what became of them
folder_watch       files that somebody puts into a folder
store_watch        files that another process puts into the store itself
"""

from framedeflate.web.ingest.ingest import INGEST_ERRORS, Ingest, PlacedInstance
from framedeflate.web.ingest.store_report import StoredReference, StoreReport
from framedeflate.web.ingest.store_transaction import StoreLimits, StoreTransaction

__all__ = [
    "INGEST_ERRORS",
    "Ingest",
    "PlacedInstance",
    "StoreLimits",
    "StoreReport",
    "StoreTransaction",
    "StoredReference",
]
