# SPDX-License-Identifier: Apache-2.0
"""TLS for both sides of an association, from the paths of certificates and keys (PS3.15 B)."""

import os
import ssl
from dataclasses import dataclass

from framedeflate.errors import TlsSettingsError

__all__ = ["TlsFiles", "acceptor_context", "requestor_context"]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificates and keys lie, all as PEM.

    Attributes
    ----------
    certificate : path-like or None
        Our own certificate, followed by those between it and its authority.
    key : path-like or None
        Its private key, without a password; None where the certificate's file holds it too.
    authorities : path-like or None
        Whom we trust to vouch for the other side; None means the system's own list.
    """

    certificate: str | os.PathLike[str] | None = None
    key: str | os.PathLike[str] | None = None
    authorities: str | os.PathLike[str] | None = None


def acceptor_context(files: TlsFiles, *, require_certificate: bool) -> ssl.SSLContext:
    """Return the settings of the side that listens.

    Parameters
    ----------
    files : TlsFiles
        The certificate is a must; with `require_certificate` so are the authorities.
    require_certificate : bool
        Whether the other side must show a certificate of one of the authorities. The system's own list never counts
        for that: it would let anybody in who owns a web site.

    Raises
    ------
    TlsSettingsError
        A file is missing, unreadable or does not fit another.
    """
    if files.certificate is None:
        raise TlsSettingsError("TLS needs a certificate of this node's own (PEM)")
    if require_certificate and files.authorities is None:
        raise TlsSettingsError(
            "to ask for client certificates, name the authorities that may have signed them"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, files)
    if require_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def requestor_context(files: TlsFiles, *, check_name: bool = True) -> ssl.SSLContext:
    """Return the settings of the side that connects.

    Parameters
    ----------
    files : TlsFiles
        The certificate is shown where the other side asks for one.
    check_name : bool
        Whether the other side's certificate must be made out for the name or address that was connected to; that one
        of the authorities signed it is checked always.

    Raises
    ------
    TlsSettingsError
        As `acceptor_context`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_name
    _load(context, files)
    if files.authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    # Older versions are not to be offered any more (PS3.15 B.9 and its successors, BCP 195).
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if files.certificate is not None:
            # Without an answer to give, a key with a password fails here instead of asking at a terminal.
            context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
        if files.authorities is not None:
            context.load_verify_locations(cafile=files.authorities)
    except (OSError, ValueError) as error:
        names = ", ".join(str(name) for name in (files.certificate, files.key, files.authorities) if name)
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TlsSettingsError(f"certificates or keys cannot be used ({names}): {said}") from error
