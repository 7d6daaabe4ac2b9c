"""Certificates for tests of encrypted connections, self-signed for 127.0.0.1; their key protects nothing.

Written down, because neither the standard library nor every machine can make some.
"""

from __future__ import annotations

import ssl
from pathlib import Path

KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgg8qZYjapJCKfG+Ek
Ik5pdAjWRH2j9oaOsOKItGCAEz+hRANCAAQf+fjv1C/ZebUZFC4QIIpXakMDuvmo
IGCIvhv0fbrArat+kqruBvVC8aqOXa+/X78oRBiVAMr9QQBULpNtASLf
-----END PRIVATE KEY-----
"""
VALID = """\
-----BEGIN CERTIFICATE-----
MIIBazCCARCgAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBDb3VydFNp
Z2h0IHRlc3RzMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBBDb3VydFNpZ2h0IHRlc3RzMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEH/n479Qv2Xm1GRQuECCKV2pDA7r5qCBgiL4b9H26wK2rfpKq7gb1QvGqjl2v
v1+/KEQYlQDK/UEAVC6TbQEi36NDMEEwDwYDVR0RBAgwBocEfwAAATAPBgNVHRMB
Af8EBTADAQH/MB0GA1UdDgQWBBSrJSB8MXc3DENtwy/wIxPIqxWZ/DAKBggqhkjO
PQQDAgNJADBGAiEA0m8SehctJocJV94VSZtumGuqGNol5q4DRPmcSD2OLqACIQDg
s0TJ8k5IsnTB3NKPxwSQru7r/YtIUWJ2T4b5grwKYA==
-----END CERTIFICATE-----
"""
"""From 2020 to 2120."""
EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBaTCCAQ6gAwIBAgIBAjAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBDb3VydFNp
Z2h0IHRlc3RzMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowGzEZMBcG
A1UEAwwQQ291cnRTaWdodCB0ZXN0czBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BB/5+O/UL9l5tRkULhAgildqQwO6+aggYIi+G/R9usCtq36Squ4G9ULxqo5dr79f
vyhEGJUAyv1BAFQuk20BIt+jQzBBMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/
BAUwAwEB/zAdBgNVHQ4EFgQUqyUgfDF3NwxDbcMv8CMTyKsVmfwwCgYIKoZIzj0E
AwIDSQAwRgIhAK1s7uL5qMIG9kku1CvnhOmRQKDXzqHace1SKyWLLNwlAiEA7AKP
FARSvaDc3ut8il9X0y0Ktjdq7NBaYhJ3sxdLlK0=
-----END CERTIFICATE-----
"""
"""Until 2021."""


def serving_context(folder: Path, certificate: str = VALID) -> tuple[ssl.SSLContext, Path]:
    """What a server shows, and the file that a client has to trust for it."""
    key, shown = folder / "tls.key", folder / "tls.crt"
    key.write_text(KEY, encoding="ascii")
    shown.write_text(certificate, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return context, shown
