"""Whose certificates are trusted: those that the environment names, else the public ones, and why one was not."""

from __future__ import annotations

import os
import ssl

import httpx

from slo.errors import InvalidInput, Problem


def trusted_certificates() -> ssl.SSLContext:
    """What checks a server's certificate and name: `SSL_CERT_FILE`, or `SSL_CERT_DIR`, else the public authorities.

    Raises:
        InvalidInput: The file holds no certificates, or is not there.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # of ssl, too
        name = "SSL_CERT_FILE" if os.environ.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        said = f"cannot be used: {error.strerror or error}", "a PEM file of the authorities to trust, or unset it"
        raise InvalidInput((Problem(f"{name}={os.environ.get(name, '')}", None, "", *said),)) from None


def authorities() -> str | bool:
    """The same for clients that want a path: the environment's file or folder, or True for the public authorities.

    Raises:
        InvalidInput: As `trusted_certificates`.
    """
    trusted_certificates()
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or True


def distrust_said(error: BaseException) -> str:
    """Why a server's certificate is not trusted, with the mend; empty where that was not the trouble."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({seen.verify_message}); SSL_CERT_FILE= names an authority of your own"
            )
        wrapped = next((one for one in seen.args if isinstance(one, BaseException)), None)  # urllib3 puts it there
        seen = seen.__cause__ or seen.__context__ or wrapped
    return ""
