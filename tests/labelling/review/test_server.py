"""The server as a browser, and as an attacker, meets it."""

import http.client
import json
import socket

import pandas as pd
import pytest

from tests.labelling.pieces import assert_mosaic
from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.review.server import ReviewServer
from truckcount.labelling.review.session import ReviewSession
from truckcount.labelling.tables import to_table, write_table


class Client:
    def __init__(self, server):
        self.server = server

    def __call__(self, method, path, body=None, *, headers=None, token=None):
        token = self.server.token if token is None else token
        port = self.server.server_port
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            line.putrequest(
                method, f"/{token}/{path}", skip_host="Host" in (headers or {})
            )
            for name, value in {**kind, **(headers or {})}.items():
                line.putheader(name, value)
            payload = data.encode() if isinstance(data, str) else data
            if payload is not None:
                line.putheader("Content-Length", str(len(payload)))
            line.endheaders(payload)
            answer = line.getresponse()
            return answer, answer.read()
        finally:
            line.close()


@pytest.fixture
def server(serve, made):
    return serve(made)


@pytest.fixture
def ask(server):
    return Client(server)


def test_it_listens_on_loopback_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert len(server.token) >= 32


def test_the_page_and_its_files_are_served_and_name_no_other_site(ask):
    for path, kind in [
        ("", "text/html"), ("page.css", "text/css"),
        ("page.js", "text/javascript"), ("canvas.js", "text/javascript"),
    ]:  # fmt: skip
        answer, body = ask("GET", path)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(kind)
        assert b"http://" not in body
        assert b"https://" not in body


def test_the_page_may_reach_nothing_but_this_server(ask):
    answer, _ = ask("GET", "")
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in answer.headers["Content-Security-Policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_answer_by_http_is_in_the_parquet(ask, made):
    box = {"class": "truck", "x1": 1, "y1": 2, "x2": 30, "y2": 40}
    answer, body = ask("POST", "api/answer/1", {"label": "truck", "boxes": [box]})
    assert (answer.status, json.loads(body)["can_undo"]) == (200, True)
    assert made.labels["image"].tolist() == ["frames/001.jpg"]
    assert made.boxes["x2"].tolist() == [30]
    overview = json.loads(ask("GET", "api/session")[1])
    assert overview["labels"] == [None, "truck", None, None]
    assert json.loads(ask("GET", "api/item/1")[1])["boxes"] == [box]
    assert json.loads(ask("POST", "api/undo", {})[1])["index"] == 1
    assert len(made.labels) == len(made.boxes) == 0


def test_a_new_server_goes_on_where_the_old_one_stopped(ask, made, serve):
    ask("POST", "api/answer/0", {"label": "skip"})
    overview = json.loads(
        Client(serve(LabelSet.open(made.root)))("GET", "api/session")[1]
    )
    assert overview["start"] == 1


def test_a_picture_is_its_file(ask, made):
    answer, body = ask("GET", "picture/2")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert body == (made.root / "frames/002.jpg").read_bytes()


def test_where_people_are_blurred_no_picture_is_shown_as_it_is(serve, made):
    names = [*(made.root / "frames").iterdir()]
    files = {path: path.read_bytes() for path in names}
    ask = Client(serve(made, is_blurred=True))
    for index in range(4):
        answer, body = ask("GET", f"picture/{index}")
        path = made.root / made.frames["image"][index]
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert_mosaic(path, body)
    ask("POST", "api/answer/2", {"label": "truck"})
    assert {path: path.read_bytes() for path in names} == files, "the set's stay"


@pytest.mark.parametrize(
    "token", ["", "x", "index.html", "favicon.ico", "..", "%C3%A9"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_there_is_nothing(ask, made, token, method):
    body = {"label": "truck"} if method == "POST" else None
    path = "api/answer/0" if method == "POST" else "api/session"
    answer, body = ask(method, path, body, token=token)
    assert answer.status == 404
    assert b"frames" not in body
    assert len(made.labels) == 0


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", ""]
)
def test_a_foreign_host_is_refused_even_with_the_token(ask, made, host):
    for method, path, body in [
        ("GET", "api/session", None),
        ("POST", "api/answer/0", {"label": "truck"}),
    ]:
        answer, _ = ask(method, path, body, headers={"Host": host})
        assert answer.status == 403
    assert len(made.labels) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda h: next(iter(h.values())),
)
def test_another_page_cannot_write(ask, made, headers):
    answer, _ = ask("POST", "api/answer/0", {"label": "truck"}, headers=headers)
    assert answer.status == 403
    assert len(made.labels) == 0


def test_the_own_page_can_write_by_either_name(ask, server):
    for name in ("127.0.0.1", "localhost"):
        origin = f"http://{name}:{server.server_port}"
        headers = {
            "Origin": origin,
            "Host": origin[7:],
            "Sec-Fetch-Site": "same-origin",
        }
        answer, _ = ask("POST", "api/answer/0", {"label": "skip"}, headers=headers)
        assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "../label_set.json", "..%2flabel_set.json", "picture/../../label_set.json",
        "picture/..%2f..%2fetc%2fpasswd", "picture/-1", "picture/4", "picture/",
        "picture/frames/000.jpg", "picture/0x1", "picture/99999999999", "session.py",
        "api/item/x", "api/", "page.html", "/etc/passwd", "picture/%C2%B2",
    ],
)  # fmt: skip
def test_no_path_leads_out(ask, path):
    answer, body = ask("GET", path)
    assert answer.status == 404
    assert b"root:" not in body
    assert b"provenance" not in body


def test_a_table_that_names_a_file_outside_gives_no_picture(tmp_path, made, serve):
    (tmp_path / "secret.jpg").write_text("secret")
    frames = made.frames
    frames.loc[0, "image"] = "frames/../../secret.jpg"
    (made.root / "frames/link.jpg").symlink_to(tmp_path / "secret.jpg")
    frames.loc[1, "image"] = "frames/link.jpg"
    path = made.root / "frames.parquet"
    write_table(to_table(frames, "frames", "test"), "frames", path)
    ask = Client(serve(LabelSet.open(made.root)))
    for k in (0, 1):
        answer, body = ask("GET", f"picture/{k}")
        assert (answer.status, b"secret" in body.replace(b"secret.jpg", b"")) == (
            400,
            False,
        )


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"label=truck", {"Content-Type": "text/plain"}, 415),
        (b"{", {}, 400),
        (b"[1]", {}, 400),
        (b'{"label": "boat"}', {}, 400),
    ],
)
def test_a_body_that_is_no_answer_is_refused(ask, made, body, headers, status):
    answer, _ = ask("POST", "api/answer/0", body, headers=headers)
    assert answer.status == status
    assert len(made.labels) == 0
    assert ask("POST", "api/answer/7", {"label": "truck"})[0].status == 404
    assert ask("POST", "api/else", {})[0].status == 404


@pytest.mark.parametrize(
    ("length", "status"),
    [("Transfer-Encoding: chunked", b" 411 "), ("Content-Length: 1048577", b" 413 ")],
    ids=["no length", "too long"],
)
def test_a_body_of_no_or_too_great_length_is_refused_unread(server, length, status):
    head = (
        f"POST /{server.token}/api/undo HTTP/1.1",
        f"Host: 127.0.0.1:{server.server_port}",
        "Content-Type: application/json",
        length,
    )
    with socket.create_connection(("127.0.0.1", server.server_port), 60) as line:
        line.sendall("\r\n".join([*head, "", ""]).encode())
        assert status in line.recv(4096)


def test_other_methods_are_not_there(ask):
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        assert ask(method, "api/session")[0].status == 501


def test_a_port_that_is_taken_is_a_clear_error(server, made):
    with pytest.raises(LabelError, match="give another --port"):
        ReviewServer(ReviewSession(made, "ana"), server.server_port)


def test_answers_from_several_connections_are_all_kept(ask, made):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        said = pool.map(
            lambda k: ask("POST", f"api/answer/{k}", {"label": "truck"})[0].status,
            range(4),
        )
        assert list(said) == [200] * 4
    assert pd.Series(made.labels["label"]).tolist() == ["truck"] * 4
