# SPDX-License-Identifier: Apache-2.0
"""A DICOM peer for bench_send: pynetdicom's, in a process of its own, that throws away what it gets.

    send_peer.py FILE SYNTAX...

Its port is the first line it writes; after it, a line for each instance goes into FILE: length and CRC-32.
"""

import sys
import zlib
from pathlib import Path

from pynetdicom import AE, evt

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def main() -> None:
    path, *syntaxes = sys.argv[1:]
    entity = AE()
    entity.add_supported_context(_SEGMENTATION, syntaxes)
    with Path(path).open("w", encoding="ascii", buffering=1) as file:

        def stored(event: evt.Event) -> int:
            data = event.request.DataSet.getvalue()  # type: ignore[union-attr]
            file.write(f"{len(data)} {zlib.crc32(data)}\n")
            return 0

        handlers: list[evt.EventHandlerType] = [(evt.EVT_C_STORE, stored)]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        print(server.server_address[1], flush=True)  # type: ignore[union-attr]
        # Until the benchmark closes its end.
        sys.stdin.read()
        server.shutdown()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
