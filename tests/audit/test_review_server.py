"""The review server over plain HTTP: loopback, one secret, one origin."""

import http.client
import json
import socket

import pytest

from tests.audit.serving import make_clips, serving
from truckcount.audit.review_server import LOOPBACK
from truckcount.store.audits_table import read_audits


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("serving"))


@pytest.fixture
def server(made):
    with serving(*made) as server:
        yield server


def ask(server, method, place, *, body=None, token=None, host=None, **headers):
    """Return (status, headers, bytes) of one request."""
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=30)
    own = f"{LOOPBACK}:{server.server_port}"
    path = f"/{server.token if token is None else token}/{place}"
    data = None if body is None else json.dumps(body).encode()
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", own if host is None else host)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if data is not None:
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    reply = connection.getresponse()
    found = reply.status, dict(reply.getheaders()), reply.read()
    connection.close()
    return found


def post(server, place, body, **changes):
    headers = {
        "Content_Type": "application/json",
        "Origin": f"http://{LOOPBACK}:{server.server_port}",
    }
    headers |= changes
    headers = {k: v for k, v in headers.items() if v is not None}
    return ask(server, "POST", place, body=body, **headers)


def items(server):
    return json.loads(ask(server, "GET", "state")[2])["items"]


def test_it_listens_on_loopback_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url.startswith(f"http://127.0.0.1:{server.server_port}/")
    assert len(server.token) >= 32


def test_the_page_and_its_parts_are_given_with_a_strict_policy(server):
    for place, word in [("", b"<video"), ("review.js", b"fetch"), ("review.css", b"{")]:
        status, headers, body = ask(server, "GET", place)
        assert status == 200
        assert word in body
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    assert b"http" not in ask(server, "GET", "")[2]


@pytest.mark.parametrize("token", ["", "x", "x" * 32])
def test_without_the_token_there_is_nothing(server, token):
    for place in ("", "state", "review.js"):
        assert ask(server, "GET", place, token=token)[0] == 404
    assert post(server, "undo", {}, token=token)[0] == 404


def test_each_server_has_its_own_token(made, server):
    with serving(*made) as other:
        assert other.token != server.token


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_rebound_name_is_refused(server, host):
    assert ask(server, "GET", "state", host=host)[0] == 421
    assert post(server, "undo", {}, host=host)[0] == 421


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
    ],
    ids=["other origin", "null origin", "no origin", "form type", "no type"],
)
def test_another_origin_may_not_post(server, made, changes, status):
    body = {"clip": items(server)[0]["clip"], "count": 3}
    assert post(server, "answer", body, **changes)[0] == status
    assert all(w.y_human is None for w in read_audits(made[0].root))


def test_an_answer_is_kept_and_can_be_taken_back(server, made):
    clip = items(server)[0]["clip"]
    status, _, body = post(server, "answer", {"clip": clip, "count": 2})
    assert status == 200
    assert json.loads(body)["items"][0]["count"] == 2
    assert [w.y_human for w in read_audits(made[0].root) if w.clip == clip] == [2]
    status, _, body = post(server, "undo", {})
    assert (status, json.loads(body)["clip"]) == (200, clip)
    assert all(w.y_human is None for w in read_audits(made[0].root))


def test_a_changed_answer_is_refused(server):
    clip = items(server)[0]["clip"]
    assert post(server, "answer", {"clip": clip, "count": 2})[0] == 200
    status, _, body = post(server, "answer", {"clip": clip, "count": 3})
    assert status == 409
    assert "says 2" in json.loads(body)["error"]
    post(server, "undo", {})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"clip": "x"}, 409),
        ({"clip": "x", "count": "3"}, 409),
        ({"clip": "x", "count": True}, 409),
        ({"clip": 1, "count": 1}, 409),
        ([1], 400),
        ({"clip": "x" * 5000, "count": 1}, 413),
    ],
)
def test_what_is_no_answer_is_refused(server, body, status):
    assert post(server, "answer", body)[0] == status


@pytest.mark.parametrize(
    "place", ["nothing", "clip/nothing", "clip/../../x", "../state", "clip/%2e%2e"]
)
def test_what_is_not_there_is_not_found(server, place):
    assert ask(server, "GET", place)[0] == 404
    assert post(server, place, {})[0] == 404


def test_a_player_gets_the_part_it_asks_for(server):
    place = f"clip/{items(server)[0]['clip']}"
    status, headers, whole = ask(server, "GET", place)
    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    assert headers["Accept-Ranges"] == "bytes"
    status, headers, part = ask(server, "GET", place, Range="bytes=10-19")
    assert (status, part) == (206, whole[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert ask(server, "GET", place, Range="bytes=10-")[2] == whole[10:]
    assert ask(server, "GET", place, Range=f"bytes={len(whole)}-")[0] == 416


def test_a_reader_that_goes_away_stops_nothing(server):
    place = f"clip/{items(server)[0]['clip']}"
    with socket.create_connection((LOOPBACK, server.server_port), timeout=30) as line:
        own = f"{LOOPBACK}:{server.server_port}"
        line.sendall(
            f"GET /{server.token}/{place} HTTP/1.1\r\nHost: {own}\r\n\r\n".encode()
        )
    assert ask(server, "GET", "state")[0] == 200
