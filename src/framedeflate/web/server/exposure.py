# SPDX-License-Identifier: Apache-2.0
"""Whether a server may start where it was told to listen: what an address that others reach takes."""

from framedeflate.web.server.addresses import is_loopback

__all__ = ["missing_for", "worth_a_warning"]

_ACCESS = (
    "who may ask: --token-file FILE (a secret that all clients share), "
    "or --jwks FILE_OR_URL with --issuer and --audience"
)
_TLS = (
    "TLS: --tls-cert FILE and --tls-key FILE, or --behind-tls-proxy where a proxy ends TLS and nobody else reaches "
    "what lies between it and this server"
)
_NAME = "the name that clients use: --public-url https://pacs.example, or --allow-host pacs.example"


def missing_for(
    host: str, *, has_access: bool, has_tls: bool, is_behind_tls: bool, has_names: bool
) -> list[str]:
    """Return what must be given before an address may be listened on, each with how; nothing on loopback.

    Parameters
    ----------
    host : str
        What is to be listened on.
    has_access : bool
        Whether clients must show a token.
    has_tls, is_behind_tls : bool
        Whether TLS ends here, or at a proxy before.
    has_names : bool
        Whether it is known which names clients use.

    Raises
    ------
    OSError
        A name that cannot be resolved.
    """
    if is_loopback(host):
        return []
    missing = [] if has_access else [_ACCESS]
    if not (has_tls or is_behind_tls):
        missing.append(_TLS)
    if not has_names:
        missing.append(_NAME)
    return missing


def worth_a_warning(host: str, *, has_access: bool, public_url: str | None) -> str | None:
    """Return what an operator should hear: a proxy may offer to all what loopback seems to keep."""
    if public_url is None or has_access or not is_loopback(host):
        return None
    return (
        f"clients come by {public_url} and need no token here: whoever reaches that address reads and stores "
        "everything, unless the proxy asks for more (--token-file or --jwks do here)"
    )
