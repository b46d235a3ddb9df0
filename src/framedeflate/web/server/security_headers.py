# SPDX-License-Identifier: Apache-2.0
"""What every answer tells the browser not to do."""

from typing import Final

__all__ = ["NO_STORE", "header_set"]

_EVERYWHERE: Final = (
    # A DICOM file whose preamble is a script, or a value that looks like HTML, is never run or shown as such.
    (b"x-content-type-options", b"nosniff"),
    # Other sites may not embed what is stored; those named by --cors ask with CORS, which this does not touch.
    (b"cross-origin-resource-policy", b"same-origin"),
)

_VIEWER: Final = (
    *_EVERYWHERE,
    (b"cross-origin-opener-policy", b"same-origin"),
    # UIDs in our URLs are nobody else's business.
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
)

_DATA: Final = (
    *_EVERYWHERE,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
)

_STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")

NO_STORE: Final = (b"cache-control", b"no-store")
"""For answers that say nothing of it themselves: they may hold patients' data, and a browser keeps what it may."""


def header_set(*, is_viewer: bool, is_https: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return what is added to an answer.

    Parameters
    ----------
    is_viewer : bool
        Whether it is one of the viewer's own files; all else is data, and runs nothing.
    is_https : bool
        Whether clients come by https, here or at a proxy: then they should never come by http again.
    """
    chosen = _VIEWER if is_viewer else _DATA
    return (*chosen, _STRICT_TRANSPORT) if is_https else chosen
