# SPDX-License-Identifier: Apache-2.0
"""Files on servers: HTTP by Python's own client, object stores by obstore, both read by range.

`source` keeps what is known and has the rest fetched as `fetch_plan` says, by `http_transport` or `store_transport`,
one range a call. `http_connection` keeps connections and deadlines, `http_answer` and `answers` say what is believed,
`urls` what of a URL may be shown. `object_store` lists, fetches
and puts whole objects; it and `store_transport` share `store_client`, the one door to obstore.
"""

from framedeflate.remote_source.object_store import ObjectStore, StoredObject
from framedeflate.remote_source.source import RemoteSource
from framedeflate.remote_source.urls import SCHEMES, is_url, shown_url

__all__ = ["SCHEMES", "ObjectStore", "RemoteSource", "StoredObject", "is_url", "shown_url"]
