"""Certificates of a site: an authority that lasts, and servers' certificates that it signs. Pure; EC P-256, X.509 v3 (RFC 5280).

Every extension that Python's and browsers' strict checks ask for is there: key identifiers, key usage, basic constraints.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chelu.errors import ConfigurationError

AUTHORITY_LASTS = datetime.timedelta(days=7305)  # 20 years: it is copied to every device, and nobody wants to do that twice
SERVER_LASTS = datetime.timedelta(days=397)  # what browsers take at most
DUE_BEFORE_END = SERVER_LASTS / 3
NAME = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
CLOCKS_DIFFER = datetime.timedelta(hours=1)  # a certificate counts from before it was made, for devices whose clock is behind
KEY_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def new_authority(name: str, now: datetime.datetime) -> Pair:
    """A site's authority, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = _begun(subject, subject, key, now, AUTHORITY_LASTS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def new_server(authority: Pair, name: str, hosts: Iterable[str], now: datetime.datetime) -> Pair:
    """A server's certificate for these host names and addresses, which ends no later than its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    lasts = min(SERVER_LASTS, issuer.not_valid_after_utc - now)
    builder = _begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), issuer.subject, key, now, lasts)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([general_name(host) for host in hosts]), critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return Pair(builder.add_extension(signer, critical=False).sign(authority.key, hashes.SHA256()), key)


def general_name(host: str) -> x509.GeneralName:
    """A host as a certificate names it; ConfigurationError for what is neither an address nor a name."""
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host))
    with contextlib.suppress(UnicodeError):
        name = host.encode("idna").decode("ascii")
        if NAME.fullmatch(name):
            return x509.DNSName(name)
    raise ConfigurationError("--host", host, "an IP address or a host's name, without port")


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def is_due(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    """Whether a server's certificate should be renewed."""
    return certificate.not_valid_after_utc - now < DUE_BEFORE_END


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether this authority made that certificate."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def certificate_text(certificate: x509.Certificate) -> str:
    """As PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """As PEM, without a password: whoever may read the file is the server."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def read_certificate(text: bytes) -> x509.Certificate:
    """The first certificate of a PEM text; ValueError when there is none."""
    return x509.load_pem_x509_certificate(text)


def read_key(text: bytes) -> ec.EllipticCurvePrivateKey:
    """A key in PEM; ValueError when it is none of ours."""
    key = serialization.load_pem_private_key(text, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic curve's key")  # noqa: TRY004 - as when it cannot be read
    return key


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, lasts: datetime.timedelta
) -> x509.CertificateBuilder:
    begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    begun = begun.serial_number(x509.random_serial_number()).not_valid_before(now - CLOCKS_DIFFER).not_valid_after(now + lasts)
    return begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in allowed for name in KEY_USAGES})
