# SPDX-License-Identifier: Apache-2.0
"""The listening side of TCP: who is let in at all, TLS, and sizes and times that a stranger cannot stretch."""

import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from framedeflate.extras import needing

with needing("dimse", "DICOM's network protocol"):
    from pynetdicom import evt
    from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer


__all__ = ["AssociationServer", "Network"]

_LOG: Final = logging.getLogger(__name__)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_QUICK_ACKNOWLEDGEMENT: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_PDU_HEADER_NBYTES: Final = 6
_ASSOCIATE_NBYTES: Final = 1 << 20
"""An A-ASSOCIATE request has no limit of its own: 128 contexts with 60 Transfer Syntaxes each are half of this."""


class _BoundedSocket(AssociationSocket):
    """Reads PDUs up to a size and within a time; pynetdicom alone would believe any length, and wait for ever."""

    def __init__(
        self, association: Any, client: socket.socket, *, max_pdu_nbytes: int, seconds: float
    ) -> None:
        super().__init__(association, client_socket=client)
        # The length counts what is behind the header; a PDU may be as long as we said, its PDV headers included.
        self._max_nbytes = max(max_pdu_nbytes + _PDU_HEADER_NBYTES, _ASSOCIATE_NBYTES)
        self._seconds = seconds

    def _shutdown_socket(self) -> None:
        """Close, also where the peer has gone already: pynetdicom alone would leave the socket open then."""
        client = self.socket
        if client is not None:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, fewer at the end of the connection.

        Raises
        ------
        OSError
            Too many are asked for, or they do not come in time: the connection is closed.
        """
        if nr_bytes > self._max_nbytes:
            raise OSError(f"a PDU of {nr_bytes} bytes, where at most {self._max_nbytes} were agreed upon")
        data = bytearray(nr_bytes)
        view, done = memoryview(data), 0
        deadline = time.monotonic() + self._seconds
        while done < nr_bytes:
            if time.monotonic() > deadline:
                raise TimeoutError("a PDU did not come in time")
            client = self.socket
            count = client.recv_into(view[done:]) if client is not None else 0
            if not count:
                break
            done += count
        view.release()
        del data[done:]
        self._acknowledge()
        return data

    def _acknowledge(self) -> None:
        """Have the system acknowledge at once what was read.

        Most peers write a command and its Data Set apart, and hold the second back until the first is acknowledged,
        which Linux by itself puts off for 40 ms. The option does not last, so it is set again and again.
        """
        client = self.socket
        if client is not None and _QUICK_ACKNOWLEDGEMENT is not None:
            with suppress(OSError):
                client.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGEMENT, 1)


class _NetworkThread:
    """Runs the thread that reads PDUs; what a peer sends out of turn ends it, without a traceback for each stranger."""

    def __init__(self, run: Callable[[], None], address: str) -> None:
        self._run = run
        self._address = address

    def __call__(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - pynetdicom's state machine raises whatever its actions do
            _LOG.warning("association with %s ended: %s", self._address, type(error).__name__)


class _Handler(RequestHandler):
    """One connection, in a thread of its own for as long as it lasts."""

    server: "AssociationServer"

    def handle(self) -> None:
        """Shake hands, run the association, and clear away what it leaves."""
        server = self.server
        try:
            self.request.settimeout(server.seconds)
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.tls is not None:
                # Here, not where connections are accepted: one that says nothing must not keep others waiting.
                self.request = server.tls.wrap_socket(self.request, server_side=True)
        except OSError as error:
            said = error.reason if isinstance(error, ssl.SSLError) else type(error).__name__
            _LOG.warning("connection from %s ended before TLS was agreed: %s", self.client_address[0], said)
            return
        association = self._create_association()
        # The socket that pynetdicom made has announced the connection; the one in its place does so again.
        association.dul.socket = None
        association.dul.event_queue.get_nowait()
        association.set_socket(
            _BoundedSocket(
                association, self.request, max_pdu_nbytes=server.max_pdu_nbytes, seconds=server.seconds
            )
        )
        network: Any = association.dul
        network._target = _NetworkThread(network._target, str(self.client_address[0]))
        server.prepare(association)
        server.connections.add(self.request)
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
        association.start()
        association.join()
        association.dul.join(timeout=server.seconds)
        server.finish(association)
        server.connections.discard(self.request)
        self.request.close()


class AssociationServer(ThreadedAssociationServer):
    """pynetdicom's server with doors.

    Parameters
    ----------
    entity, address, ae_title, contexts, handlers
        As pynetdicom's.
    tls : ssl.SSLContext or None
        Settings of the acceptor.
    networks : sequence of Network
        Addresses that are let in; empty means all.
    max_connections : int
        Connections at a time, those without an association included.
    max_pdu_nbytes : int
        The size that peers are told.
    seconds : float
        For a handshake, and for each PDU once it has begun.
    prepare : callable
        Called with each association before it starts.
    finish : callable
        Called with each once it has ended.
    """

    daemon_threads = True

    def __init__(
        self,
        entity: Any,
        address: tuple[str, int],
        ae_title: str,
        contexts: list[Any],
        handlers: list[Any],
        *,
        tls: ssl.SSLContext | None,
        networks: Sequence[Network],
        max_connections: int,
        max_pdu_nbytes: int,
        seconds: float,
        prepare: Callable[[Any], None],
        finish: Callable[[Any], None],
    ) -> None:
        self.tls = tls
        self.max_pdu_nbytes = max_pdu_nbytes
        self.seconds = seconds
        self.prepare = prepare
        self.finish = finish
        self.connections: set[socket.socket] = set()
        self._networks = networks
        self._places = threading.BoundedSemaphore(max_connections)
        super().__init__(entity, address, ae_title, contexts, evt_handlers=handlers, request_handler=_Handler)

    def _bind_defaults(self) -> None:
        """Bind what answers requests, and not what logs them: that prints whole messages, patients' data included."""
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Whether a connection is let in; if not it is closed before a byte is read."""
        address = ipaddress.ip_address(str(client_address[0]).partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        if self._networks and not any((mapped or address) in network for network in self._networks):
            _LOG.warning("connection from %s refused: the address is not on the list", address)
            return False
        if not self._places.acquire(blocking=False):
            _LOG.warning("connection from %s refused: there are too many", address)
            return False
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.shutdown_request(request)
            self._places.release()

    def cut(self) -> None:
        """End every connection that is still there: its thread may be waiting for the rest of a PDU."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Log what should not have happened; the node goes on."""
        _LOG.exception("connection from %s ended by an error of this program", client_address[0])
