"""Secrets of executions: derived from one key whenever they are needed, and stored nowhere.

Whoever holds the key file can make every secret of every execution again, and nobody else can make
any: a restarted service gives the same ones, and losing the database gives none away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .model.errors import ZoeError
from .model.framework import Secret, SecretKind
from .model.plan import Plan

KEY_LENGTH = 32
"""Bytes in the key file, and in every secret derived from it."""

_VALIDITY = timedelta(days=3650)
_CLOCK_SKEW = timedelta(days=1)


class InvalidKey(ZoeError):
    """Raised when the key file cannot be used: others may read it, or it holds no key."""


class Secrets:
    """Derives the secrets of executions. The same key and names always give the same secret."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise InvalidKey(f"Zoe's key has {len(key)} bytes; it must have {KEY_LENGTH}.")
        # The state of an HMAC instead of the key: nothing that prints attributes can print it.
        self._mac = hmac.new(key, b"zoe secrets v1", hashlib.sha256)

    def __repr__(self) -> str:
        return "Secrets(…)"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Secrets:
        """The secrets of the key file at `path`; a file with a random key is made when there is none.

        Services that start at the same time get the same key. Raises InvalidKey when others may read
        the file or it has another length.
        """
        file = Path(path)
        if not file.exists():
            _create(file)
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            key = opened.read(KEY_LENGTH + 1)
        if mode & 0o077:
            raise InvalidKey(
                f"Other users of this machine may open Zoe's key file {file} (its mode is {mode:04o}). "
                f"Type: chmod 600 {file}"
            )
        if len(key) != KEY_LENGTH:
            raise InvalidKey(
                f"Zoe's key file {file} must hold exactly {KEY_LENGTH} bytes. Restore it from a backup; or terminate "
                "all executions and delete it: a new key is made."
            )
        return cls(key)

    def token(self, execution: str, framework: str, name: str) -> str:
        """32 bytes that cannot be guessed, as unpadded base64url."""
        return _base64url(self._derive("token", execution, framework, name))

    def bearer(self, execution: str, framework: str, name: str) -> str:
        """A compact JWS (HS256) signed with the 32 bytes of `token`: for who asks for a JWT."""
        parts = ({"alg": "HS256"}, {"sub": "zoe"})
        content = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        key = self._derive("token", execution, framework, name)
        return f"{content}.{_base64url(hmac.digest(key, content.encode(), 'sha256'))}"

    def certificate(self, execution: str, framework: str, name: str, not_before: datetime) -> tuple[str, str]:
        """A self-signed certificate and its private key, both PEM, for ten years from `not_before`.

        It serves as authority, server and client at once: who has it belongs to the cluster. Byte for
        byte the same at every call with the same arguments.
        """
        key = Ed25519PrivateKey.from_private_bytes(self._derive("certificate", execution, framework, name))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, execution)])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        names = [x509.DNSName("localhost"), x509.DNSName("zoe"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        start = not_before.replace(microsecond=0)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(self._serial(execution, framework, name))
            .not_valid_before(start)
            .not_valid_after(start + _VALIDITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(identifier, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(key, algorithm=None)
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM).decode(), pem.decode()

    def references(self, plan: Plan, execution: str, created: datetime) -> dict[str, dict[str, str]]:
        """For every framework of a plan, the values of the references to the secrets that it declares."""
        return {
            framework.name: self._of(framework.name, framework.secrets, execution, created)
            for framework in plan.frameworks
        }

    def _of(self, framework: str, declared: tuple[Secret, ...], execution: str, created: datetime) -> dict[str, str]:
        values: dict[str, str] = {}
        for secret in declared:
            if secret.kind is SecretKind.TOKEN:
                values[f"secret.{secret.name}"] = self.token(execution, framework, secret.name)
                values[f"bearer.{secret.name}"] = self.bearer(execution, framework, secret.name)
            else:
                # The clock of another machine may be late.
                certificate, key = self.certificate(execution, framework, secret.name, created - _CLOCK_SKEW)
                values[f"certificate.{secret.name}"], values[f"key.{secret.name}"] = certificate, key
        return values

    def _derive(self, *names: str) -> bytes:
        mac = self._mac.copy()
        # As JSON, because joined names could be cut apart in more than one way.
        mac.update(json.dumps(names).encode())
        return mac.digest()

    def _serial(self, *names: str) -> int:
        # Positive and at most 20 bytes, as RFC 5280 wants.
        return (int.from_bytes(self._derive("serial", *names)[:20], "big") >> 1) | 1


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _create(path: Path) -> None:
    """Make the key file, unless somebody else is faster: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link never replaces a file that is there.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
