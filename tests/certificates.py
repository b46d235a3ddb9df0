# SPDX-License-Identifier: Apache-2.0
"""Certificates that live as long as a test."""

import subprocess
from pathlib import Path

from peers import require_peer


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost and 127.0.0.1 that vouches for itself; return cert.pem and its key.pem."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate)
    subprocess.run([require_peer("openssl"), "req", *made, *subject], check=True, capture_output=True)
    return certificate, key
