"""The key and certificates pictures are signed with: made at the first start, or the host's own."""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from engine.errors import ConfigError

NAME = "Limner"
YEARS = 10
CHAIN, KEY, ROOT = "certificates.pem", "key.pem", "root.pem"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a host signs with: PEM texts, the algorithm by its C2PA name, and the host's short number."""

    chain: str
    key: str
    algorithm: str
    root: str
    """Certificates that are trusted when our own signatures are read again."""

    @property
    def host(self) -> int:
        """The host's short number: 20 bits."""
        return host_number(self.root)


def host_number(root: str) -> int:
    """Return 20 bits made from the first certificate's public key of a PEM text; 0 is nobody's."""
    public = x509.load_pem_x509_certificate(root.encode()).public_key()
    data = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return int.from_bytes(hashlib.sha256(data).digest()[:3]) >> 4 or 1


def load_or_make(folder: Path, certificate: Path | None = None, key: Path | None = None) -> Identity:
    """Return the host's own certificates and key, or those in the folder, made where there are none.

    Only the owner may read the key file. Raises ConfigError with what is wrong and how to mend it.
    """
    if (certificate is None) != (key is None):
        raise ConfigError("[provenance] certificate and key belong together. Set both, or neither.")
    if certificate is not None and key is not None:
        return _loaded(certificate, key, None)
    chain, secret, root = folder / CHAIN, folder / KEY, folder / ROOT
    if not (chain.exists() and secret.exists()):
        _make(folder)
    return _loaded(chain, secret, root)


def _loaded(chain: Path, key: Path, root: Path | None) -> Identity:
    try:
        chain_text, key_text = chain.read_text("ascii"), key.read_text("ascii")
        certificates = x509.load_pem_x509_certificates(chain_text.encode())
        private = serialization.load_pem_private_key(key_text.encode(), None)
    except OSError as error:
        raise ConfigError(
            f"{error.filename} cannot be read ({error.strerror}). Mend its permissions."
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"{chain} and {key} hold no certificates and key (PEM, without a password)."
        ) from error
    if private.public_key() != certificates[0].public_key():
        raise ConfigError(f"{key} does not belong to the first certificate of {chain}.")
    root_text = root.read_text("ascii") if root is not None and root.exists() else chain_text
    return Identity(chain_text, key_text, _algorithm(private, key), root_text)


def _algorithm(key: object, file: Path) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        names = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        if key.curve.name in names:
            return names[key.curve.name]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    raise ConfigError(f"{file}: C2PA signs with EC (P-256, P-384, P-521), Ed25519 or RSA keys.")


def _make(folder: Path) -> None:
    """Make a root that signs one certificate, then forget the root's key: nobody can sign with it again."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)  # clocks differ
    until = now + datetime.timedelta(days=365 * YEARS)
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    number = secrets.token_hex(4)
    issuer = f"{NAME} root {number}"
    root = _certificate(issuer, issuer, root_key, root_key, now, until, True)
    leaf = _certificate(f"{NAME} {number}", issuer, leaf_key, root_key, now, until, False)
    pem = serialization.Encoding.PEM
    secret = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / ROOT, root.public_bytes(pem), 0o644)
    _write(folder / KEY, secret, 0o600)
    _write(folder / CHAIN, leaf.public_bytes(pem) + root.public_bytes(pem), 0o644)  # last: then all is there


def _certificate(
    name: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    start: datetime.datetime,
    until: datetime.datetime,
    authority: bool,
) -> x509.Certificate:
    """Return a certificate as C2PA asks for it (C2PA technical specification 2.1, 14.5)."""

    def named(common: str) -> x509.Name:
        return x509.Name.from_rfc4514_string(f"CN={common},O={NAME}")

    usage = x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not authority:
        built = built.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
    return built.sign(issuer_key, hashes.SHA256())


def _write(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
