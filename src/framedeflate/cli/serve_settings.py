# SPDX-License-Identifier: Apache-2.0
"""What the arguments of ``framedeflate serve`` come to: who may ask, by which names, within which limits."""

import argparse
import ssl
from typing import TYPE_CHECKING

from framedeflate.cli.exit_codes import CommandError, ExitCode
from framedeflate.cli.report import print_error
from framedeflate.errors import TlsSettingsError

if TYPE_CHECKING:
    from framedeflate.web.server.access import Access
    from framedeflate.web.server.front import FrontRules
    from framedeflate.web.server.settings import ServerSettings

__all__ = ["access_of", "cannot_listen", "check_exposure", "rules_of", "settings_of", "tls_of"]


def access_of(namespace: argparse.Namespace) -> "Access | None":
    """Return who may ask.

    Raises
    ------
    CommandError
        The arguments contradict each other, or a file does not hold what it should.
    """
    from framedeflate.web.server.access import StaticToken, read_token_file

    if namespace.token_file and namespace.jwks:
        raise _usage("either --token-file or --jwks, not both")
    if bool(namespace.jwks) != bool(namespace.issuer and namespace.audience) or (
        not namespace.jwks and (namespace.issuer or namespace.audience)
    ):
        raise _usage(
            "--jwks, --issuer and --audience go together: without all three, tokens of others would count"
        )
    try:
        if namespace.token_file:
            return StaticToken(read_token_file(namespace.token_file))
        if namespace.jwks:
            # With its cryptography, only where it is needed.
            from framedeflate.web.server.json_web_token import JsonWebTokens
            from framedeflate.web.server.key_set import KeySet, key_source

            keys = KeySet(key_source(namespace.jwks))
            return JsonWebTokens(keys, issuer=namespace.issuer, audience=namespace.audience)
    except ValueError as error:
        raise _usage(str(error)) from error
    except OSError as error:
        what = namespace.token_file or namespace.jwks
        raise CommandError(
            f"{what}: {error.strerror or getattr(error, 'reason', error)}",
            exit_code=ExitCode.CANNOT_READ_INPUT,
        ) from error
    return None


def tls_of(namespace: argparse.Namespace) -> ssl.SSLContext | None:
    """Return how https is spoken, or None for http.

    Raises
    ------
    CommandError
        The files cannot be used.
    """
    from framedeflate.dimse.tls import TlsFiles, acceptor_context

    files = TlsFiles(namespace.tls_cert, namespace.tls_key, namespace.tls_ca)
    if files == TlsFiles():
        return None
    try:
        return acceptor_context(files, require_certificate=files.authorities is not None)
    except TlsSettingsError as error:
        raise _usage(str(error)) from error


def check_exposure(namespace: argparse.Namespace, *, has_access: bool, has_tls: bool) -> None:
    """Refuse an address that others reach without what that takes; warn of a proxy that may let all in.

    Raises
    ------
    CommandError
        Something is missing; the message says what to give.
    """
    from framedeflate.web.server.addresses import is_wildcard
    from framedeflate.web.server.exposure import missing_for, worth_a_warning

    if has_tls and namespace.behind_tls_proxy:
        raise _usage("either --tls-cert or --behind-tls-proxy, not both")
    has_names = bool(namespace.public_url or namespace.allow_host) or not is_wildcard(namespace.host)
    try:
        missing = missing_for(
            namespace.host,
            has_access=has_access,
            has_tls=has_tls,
            is_behind_tls=namespace.behind_tls_proxy,
            has_names=has_names,
        )
        warning = worth_a_warning(namespace.host, has_access=has_access, public_url=namespace.public_url)
    except OSError as error:
        raise cannot_listen(namespace, error) from error
    if missing:
        lines = [f"others reach {namespace.host}, so it takes", *(f"  {one}" for one in missing)]
        lines.append("or leave --host out: then only this machine can connect")
        raise _usage("\n".join(lines))
    if warning:
        print_error(f"warning: {warning}")


def rules_of(
    namespace: argparse.Namespace, port: int, access: "Access | None", *, is_tls: bool
) -> "FrontRules":
    """Return what may pass.

    Raises
    ------
    CommandError
        A name, a URL or an origin is none.
    """
    from framedeflate.web.server.addresses import allowed_hosts, completed_hosts, origin_of_url
    from framedeflate.web.server.front import FrontRules
    from framedeflate.web.server.origins import Origins

    try:
        public = None if namespace.public_url is None else origin_of_url(namespace.public_url)
        namespace.public_url = public
        methods = ("GET", "HEAD", "POST", "OPTIONS", *(["DELETE"] if namespace.allow_delete else []))
        return FrontRules(
            hosts=allowed_hosts(namespace.host, port, names=namespace.allow_host, origin=public),
            completed_hosts={} if public else completed_hosts(port, is_tls=is_tls),
            origins=Origins(map(origin_of_url, namespace.cors), own=public, methods=methods),
            access=access,
            is_https=is_tls or namespace.behind_tls_proxy or (public or "").startswith("https:"),
            max_body_nbytes=namespace.max_body,
            max_in_flight=namespace.max_requests,
        )
    except ValueError as error:
        raise _usage(str(error)) from error


def settings_of(namespace: argparse.Namespace) -> "ServerSettings":
    """Return how the server behaves."""
    from framedeflate.web.server.settings import ServerSettings

    return ServerSettings(
        public_url=namespace.public_url,
        read_only=namespace.read_only,
        allow_delete=namespace.allow_delete,
        max_body_nbytes=namespace.max_body,
        max_parts=namespace.max_parts,
        max_frames=namespace.max_frames,
        max_in_flight=namespace.max_requests,
    )


def _usage(message: str) -> CommandError:
    return CommandError(message, exit_code=ExitCode.USAGE)


def cannot_listen(namespace: argparse.Namespace, error: OSError) -> CommandError:
    """Return what to end with where an address cannot be listened on."""
    return CommandError(
        f"cannot listen on port {namespace.port} of {namespace.host}: {error.strerror or error}",
        exit_code=ExitCode.CANNOT_LISTEN,
    )
