"""TLS as a client meets it: whom to believe, and what a failed handshake means, in a sentence that says what to do."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from chelu.errors import ConfigurationError
from chelu.local.files import Layout, home, read_json

CA_VARIABLE = "CHELU_CA_FILE"
SECURE = frozenset({"mqtts", "https"})
EXPIRED, NOT_YET, OTHER_HOST, OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_… (x509_vfy.h)


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that believes this authority, or without one those of the machine; ConfigurationError for a file that is none."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "it holds no certificate"
        raise ConfigurationError(
            "ca", str(ca_file), f"a file of CA certificates, such as a site's tls/ca.crt ({reason})"
        ) from None


def authority(environ: Mapping[str, str]) -> Path | None:
    """The authority's certificate: CHELU_CA_FILE, else that of the site on this machine; None when there is neither."""
    named = environ.get(CA_VARIABLE) or read_json(Layout(home(environ)).endpoints).get("ca_file")
    return Path(named) if named else None


def with_authority(url: str, environ: Mapping[str, str]) -> str:
    """An address over TLS with ``?ca=FILE`` for the authority that is found, unless it names one."""
    parts = urlsplit(url)
    if parts.scheme not in SECURE or "ca" in parse_qs(parts.query) or not (found := authority(environ)):
        return url
    return parts._replace(query="&".join(filter(None, (parts.query, f"ca={quote(str(found))}")))).geturl()


def without_authority(url: str) -> tuple[str, Path | None]:
    """An address without its ``?ca=FILE``, and that file."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if set(query) - {"ca"}:
        raise ConfigurationError("address", url, "it may only ask for ca=FILE")
    return parts._replace(query="").geturl(), Path(query["ca"][0]) if "ca" in query else None


def explained(error: BaseException, host: str, ca_file: Path | None) -> str:
    """What a failed connection to `host` means, and what to do about it; any other error in its own words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{_unbelieved(error, host, ca_file)} ({_words(error)})"
    if isinstance(error, ssl.SSLError):
        what = "it does not speak TLS on that port, or not ours: use mqtt:// or http:// where TLS is off"
        return f"{what} ({error.reason or error})"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _unbelieved(error: ssl.SSLCertVerificationError, host: str, ca_file: Path | None) -> str:
    code = error.verify_code
    if code == EXPIRED:
        return "its certificate has expired: run `chelu certs renew` where the site runs"
    if code == NOT_YET:
        return "its certificate is not valid yet: compare the clocks of both machines"
    if code in {OTHER_HOST, OTHER_ADDRESS}:
        return f"its certificate is not for {host}: run `chelu certs init --host {host}` where the site runs"
    if ca_file is None:
        return f"no authority known here vouches for its certificate: name the site's with ?ca=FILE or {CA_VARIABLE}=FILE"
    return f"{ca_file} does not vouch for its certificate: get tls/ca.crt from where this site runs"


def _words(error: ssl.SSLCertVerificationError) -> str:
    return f"certificate verify failed: {error.verify_message}"
