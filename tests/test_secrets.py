"""Secrets: the same again, never shared, never shown, and good for real TLS."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import pickle
import socket
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from cryptography import x509

from zoe_hub.model.framework import Secret, SecretKind
from zoe_hub.model.plan import FrameworkPlan, Plan
from zoe_hub.model.zapp import Category, ZApp
from zoe_hub.secrets import InvalidKey, Secrets

KEY = bytes(range(32))
CREATED = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone.utc)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(KEY)


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_token_is_32_bytes_of_unpadded_base64url(secrets: Secrets) -> None:
    token = secrets.token("x1", "spark", "auth")
    assert "=" not in token
    assert len(decode(token)) == 32


def test_same_key_gives_the_same_secrets(secrets: Secrets) -> None:
    again = Secrets(KEY)
    assert again.token("x1", "spark", "auth") == secrets.token("x1", "spark", "auth")
    assert again.bearer("x1", "spark", "auth") == secrets.bearer("x1", "spark", "auth")
    assert again.certificate("x1", "dask", "tls", CREATED) == secrets.certificate("x1", "dask", "tls", CREATED)


def test_derivation_stays_the_same_in_later_versions(secrets: Secrets) -> None:
    """Clusters that outlive an upgrade of Zoe must still be reachable afterwards."""
    certificate, key = secrets.certificate("x1", "dask", "tls", CREATED)
    assert secrets.token("x1", "spark", "auth") == "13R5EtgyQUJVp7EY1NONfinARbPJIOrZxDqsfnszn0w"
    assert (
        hashlib.sha256((certificate + key).encode()).hexdigest()
        == "2e8c940dbe34eb260b7e6421667fd11e93924abd6266e0666337efd5ccb96800"
    )


def test_no_two_share_a_secret(secrets: Secrets) -> None:
    triples = [(x, f, n) for x in ("x1", "x2", "x") for f in ("spark", "dask", "1spark") for n in ("auth", "ui", "tls")]
    values: list[str] = []
    for triple in triples:
        values += [secrets.token(*triple), secrets.bearer(*triple), *secrets.certificate(*triple, CREATED)]
    values.append(Secrets(bytes(32)).token(*triples[0]))
    assert len(set(values)) == len(values)


def test_names_cannot_be_cut_apart_in_two_ways(secrets: Secrets) -> None:
    assert secrets.token("a", "bc", "d") != secrets.token("ab", "c", "d")
    assert secrets.token("a", 'b", "c', "d") != secrets.token("a", "b", 'c", "d')


def test_private_key_is_not_the_token(secrets: Secrets) -> None:
    _, key = secrets.certificate("x1", "dask", "tls", CREATED)
    seed = base64.b64decode("".join(key.splitlines()[1:-1]))[-32:]
    assert seed != decode(secrets.token("x1", "dask", "tls"))


def test_bearer_is_a_jws_signed_with_the_tokens_bytes(secrets: Secrets) -> None:
    header, payload, signature = secrets.bearer("x1", "spark", "ui").split(".")
    assert json.loads(decode(header)) == {"alg": "HS256"}
    assert json.loads(decode(payload)) == {"sub": "zoe"}
    key = decode(secrets.token("x1", "spark", "ui"))
    assert decode(signature) == hmac.new(key, f"{header}.{payload}".encode(), hashlib.sha256).digest()


def test_certificate_says_what_it_is_for(secrets: Secrets) -> None:
    pem, _ = secrets.certificate("x1k0tcq6jxcgj659yxq0g0jv1p", "dask", "tls", CREATED)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert certificate.subject.rfc4514_string() == "CN=x1k0tcq6jxcgj659yxq0g0jv1p"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "zoe"}
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_before_utc == CREATED.replace(microsecond=0)
    assert certificate.not_valid_after_utc.year == 2036


@pytest.mark.parametrize("host", ["localhost", "zoe", "127.0.0.1"])
def test_mutual_tls(secrets: Secrets, tmp_path: Path, host: str) -> None:
    server, client = context(secrets, "x1", tmp_path, ssl.Purpose.CLIENT_AUTH), context(secrets, "x1", tmp_path)
    assert talk(server, client, host) == b"hello"


def test_mutual_tls_refuses_another_executions_certificate(secrets: Secrets, tmp_path: Path) -> None:
    server, client = context(secrets, "x1", tmp_path, ssl.Purpose.CLIENT_AUTH), context(secrets, "x2", tmp_path)
    with pytest.raises(ssl.SSLError):
        talk(server, client, "zoe")


def context(
    secrets: Secrets, execution: str, folder: Path, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH
) -> ssl.SSLContext:
    certificate, key = secrets.certificate(execution, "dask", "tls", datetime.now(timezone.utc))
    (folder / "certificate").write_text(certificate)
    (folder / "key").write_text(key)
    made = ssl.create_default_context(purpose, cafile=str(folder / "certificate"))
    made.load_cert_chain(folder / "certificate", folder / "key")
    made.verify_mode = ssl.CERT_REQUIRED
    # What Python 3.13 does by default.
    made.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return made


def talk(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes:
    """What the client reads of the server's greeting, after both have shown their certificates."""
    one, other = socket.socketpair()
    one.settimeout(20)
    other.settimeout(20)

    def greet() -> None:
        with one, server.wrap_socket(one, server_side=True) as wrapped:
            wrapped.sendall(b"hello")

    with ThreadPoolExecutor(1) as threads:
        greeting = threads.submit(greet)
        with other, client.wrap_socket(other, server_hostname=host) as wrapped:
            answer = wrapped.recv(5)
        greeting.result()
    return answer


def test_references_of_a_plan(secrets: Secrets) -> None:
    definition = ZApp.model_validate(
        {
            "apiVersion": "zoe/v1",
            "kind": "ZApp",
            "name": "both",
            "title": "Both",
            "frameworks": [{"framework": "spark"}, {"framework": "dask"}],
        }
    )
    plan = Plan(
        zapp="both",
        title="Both",
        category=Category.INTERACTIVE,
        parameters={},
        scales=None,
        processes=(),
        definition=definition,
        frameworks=(
            FrameworkPlan(name="spark", secrets=(Secret(name="auth"),), client=None, status=None),
            FrameworkPlan(
                name="dask", secrets=(Secret(name="tls", kind=SecretKind.CERTIFICATE),), client=None, status=None
            ),
        ),
    )
    found = secrets.references(plan, "x1", CREATED)
    assert {name: set(values) for name, values in found.items()} == {
        "spark": {"secret.auth", "bearer.auth"},
        "dask": {"certificate.tls", "key.tls"},
    }
    assert found["spark"]["secret.auth"] == secrets.token("x1", "spark", "auth")
    certificate = x509.load_pem_x509_certificate(found["dask"]["certificate.tls"].encode())
    assert certificate.not_valid_before_utc < CREATED
    assert found == secrets.references(plan, "x1", CREATED)


def test_shows_nothing(secrets: Secrets) -> None:
    assert repr(secrets) == str(secrets) == "Secrets(…)"
    for shown in (KEY.hex(), base64.b64encode(KEY).decode(), repr(KEY)):
        assert shown not in repr(vars(secrets))
    with pytest.raises(TypeError):
        pickle.dumps(secrets)


def test_key_file_is_made_private_and_used_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    previous = os.umask(0)
    try:
        first = Secrets.load(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]
    assert Secrets.load(path).token("x1", "spark", "auth") == first.token("x1", "spark", "auth")


def test_services_that_start_together_share_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        loaded = list(threads.map(Secrets.load, [tmp_path / "key"] * 64))
    assert len({secrets.token("x1", "spark", "auth") for secrets in loaded}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_key_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    Secrets.load(path)
    path.chmod(mode)
    with pytest.raises(InvalidKey, match=f"Other users .* chmod 600 {path}"):
        Secrets.load(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidKey, match="exactly 32 bytes"):
        Secrets.load(path)
