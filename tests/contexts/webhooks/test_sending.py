"""Sending: signed as Standard Webhooks says, ended in time, never to where it must not go."""

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from base import clock
from contexts.webhooks.secrets import new_secret, signed_headers
from contexts.webhooks.sending import MAX_EXCERPT_BYTES, send
from tests.contexts.webhooks.receiver import Receiver, drip, stay_silent

BODY = b'{"type":"webhook.test","data":{}}'


def post(url: str, seconds: float = 5.0):
    return send(url, BODY, {}, timeout_seconds=seconds)


def test_signature_is_what_the_standards_own_package_accepts(receiver):
    secret = new_secret()
    assert send(receiver.url, BODY, signed_headers("whd_1", BODY, [secret], clock.now())).is_delivered
    headers, body = receiver.requests[0]
    assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_old_and_new_secret_both_verify_while_they_overlap():
    new, old = new_secret(), new_secret()
    headers = signed_headers("whd_1", BODY, [new, old], clock.now())
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers)


def test_signature_is_bound_to_its_time():
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, signed_headers("whd_1", BODY, [secret], datetime(2020, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_delivered(receiver, status):
    receiver.status = status
    assert post(receiver.url).is_delivered


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_other_answers_are_failures_that_name_the_status(receiver, status):
    receiver.status = status
    outcome = post(receiver.url)
    assert (outcome.status, outcome.is_delivered) == (status, False)
    assert str(status) in outcome.error


def test_redirect_is_a_failure_and_is_not_followed(receiver):
    receiver.status, receiver.headers = 302, {"Location": receiver.url + "/elsewhere"}
    outcome = post(receiver.url)
    assert "redirect" in outcome.error
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 500 Oh\r\n\r\n"], ids=["header", "body"])
def test_server_that_drips_is_cut_off_in_time(receiver, first):
    receiver.behave = drip(receiver, first)
    began = time.monotonic()
    outcome = post(receiver.url, seconds=0.6)
    assert time.monotonic() - began < 3
    assert outcome.error
    assert outcome.status == (500 if first else None)


def test_server_that_has_said_yes_need_not_finish_its_body(receiver):
    receiver.behave = drip(receiver, b"HTTP/1.1 200 OK\r\n\r\n")
    assert post(receiver.url, seconds=0.6).is_delivered


def test_silent_server_is_given_up_with_a_plain_reason(receiver):
    receiver.behave = stay_silent(receiver)
    assert post(receiver.url, seconds=0.5).error == "There was no answer within 0.5 seconds."


def test_server_that_never_finishes_tls_is_cut_off_in_time():
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        outcome = post(f"https://127.0.0.1:{server.getsockname()[1]}/", seconds=0.5)
    assert time.monotonic() - began < 3
    assert outcome.error == "There was no answer within 0.5 seconds."


def test_plain_server_behind_https_is_a_failure_with_a_reason(receiver):
    assert "TLS" in post(receiver.url.replace("http:", "https:")).error


def test_closed_port_is_a_failure_with_a_reason():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/").error == "The connection was refused or broke off."


def test_unknown_name_is_a_failure_with_a_reason():
    assert post("http://nowhere.invalid/").error == "The name nowhere.invalid is not known."


def test_long_answer_is_kept_by_its_beginning_only(receiver):
    def behave(handler):
        handler.send_response(500)
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(b"\x00\xff" + b"x" * 5_000_000)

    receiver.behave = behave
    outcome = post(receiver.url)
    assert len(outcome.answer.encode()) <= 3 * MAX_EXCERPT_BYTES
    assert "\x00" not in outcome.answer


PRIVATE = ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "0.0.0.0", "0x7f.1")


@pytest.mark.parametrize("host", PRIVATE)
def test_nothing_goes_to_a_private_address(receiver, settings, host):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    outcome = post(f"http://{host}:{receiver.port}/hooks", seconds=2)
    assert "private network" in outcome.error or "not known" in outcome.error
    assert receiver.requests == []


def test_name_that_leads_inside_at_a_second_look_up_finds_no_second_look_up(receiver, settings, monkeypatch):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    looked_up, dialled = [], []

    def rebinding(host, port, **options):
        looked_up.append(host)
        address = "203.0.114.7" if len(looked_up) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(self, address):
        dialled.append(address[0])
        raise OSError("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert not post(f"http://rebinding.example:{receiver.port}/hooks").is_delivered
    assert looked_up == ["rebinding.example"]
    assert dialled == ["203.0.114.7"]


def test_only_the_public_ones_of_many_addresses_are_dialled(settings, monkeypatch):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    dialled = []
    found = [("10.0.0.1", socket.AF_INET), ("203.0.114.7", socket.AF_INET)]

    def connect(self, address):
        dialled.append(address[0])
        raise OSError("nobody is there")

    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **options: [(family, socket.SOCK_STREAM, 6, "", (ip, port)) for ip, family in found],
    )
    monkeypatch.setattr(socket.socket, "connect", connect)
    post("http://mixed.example/")
    assert dialled == ["203.0.114.7"]


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A receiver that speaks TLS as hooks.example, by an authority that we trust; the name leads to this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "certificate.pem"
    secret_part = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM) + secret_part)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(pem))
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Receiver(context) as running:
        yield running


def test_certificate_is_asked_for_the_name_though_the_connection_goes_to_the_address(certified):
    assert post(f"https://hooks.example:{certified.port}/hooks").error == ""
    assert certified.requests[0][0]["host"] == f"hooks.example:{certified.port}"


def test_certificate_of_another_name_is_a_failure_with_a_reason(certified):
    assert "certificate" in post(f"https://other.example:{certified.port}/hooks").error
    assert certified.requests == []


def test_proxy_of_the_environment_is_not_used(receiver, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert post(receiver.url).is_delivered


def test_no_thread_and_no_socket_stays_behind(receiver):
    before = threading.active_count()
    for _ in range(5):
        assert post(receiver.url).is_delivered
    deadline = time.monotonic() + 5
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before + 1
