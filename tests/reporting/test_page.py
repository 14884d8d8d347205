"""The page says what needs attention, tells null from zero and asks nobody."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.reporting.synthetic import make_store
from truckcount.reporting.attention import find_attention
from truckcount.reporting.facts import read_facts
from truckcount.reporting.page import build_page

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    store = make_store(tmp_path_factory.mktemp("r") / "store", n_cameras=5, n_days=12)
    return read_facts(store.root, 90)


@pytest.fixture(scope="module")
def page(facts):
    return build_page(facts, NOW)


def test_attention_comes_before_all_else(page):
    titles = re.findall(r"<h2>([^<]+)", page)
    assert titles[0] == "Needs attention"
    assert titles[1] == "Coverage and health"
    assert {"Calibration", "Revisions", "How to read this"} <= set(titles)


def test_every_camera_and_gate_is_drawn(page, facts):
    assert len(facts.cameras) == 5
    for camera in facts.cameras:
        assert f'id="c-{camera}"' in page
    assert page.count('class="heat"') == page.count('class="line"') == len(facts.gates)
    assert len(facts.gates) == 7


def test_nothing_is_fetched_and_no_picture_is_shown(page):
    assert not re.search(r'(src|href|srcset)="(?!#)', page)
    assert "://" not in page
    assert "<img" not in page
    assert "<video" not in page
    assert "url(" not in page.replace("url(#hatch)", "")
    assert "default-src 'none'" in page


def test_the_page_is_the_same_for_the_same_store(facts, page):
    assert build_page(facts, NOW) == page


def test_it_loads_again_only_where_it_is_asked_to(facts, page):
    assert "refresh" not in page
    again = build_page(facts, NOW, refresh_s=600)
    tag = '<meta http-equiv="refresh" content="600">\n'
    assert again.count(tag) == 1
    assert again.index(tag) < again.index("</head>")
    assert again.replace(tag, "") == page


def test_names_and_errors_cannot_become_markup(facts):
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    camera = facts.cameras[0]
    record = replace(
        facts.files[camera][0],
        status="corrupt",
        name=evil,
        error=evil,
        known_at_us=1 << 60,
    )
    bad = replace(
        facts,
        name=evil,
        files=facts.files | {camera: (record,)},
        gates=tuple(replace(g, gate=evil, tz=evil) for g in facts.gates),
        calibrations=tuple(
            replace(c, gate=evil, direction=evil, status=evil)
            for c in facts.calibrations
        ),
        audits=tuple(replace(w, gate=evil, labeller=evil) for w in facts.audits),
        changes=tuple(replace(c, gate=evil, cause=evil) for c in facts.changes),
        causes={evil: 3},
    )
    page = build_page(bad, NOW)
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_quiet_store_is_told_so(facts):
    quiet = replace(
        facts,
        files=dict.fromkeys(facts.files, ()),
        gates=tuple(
            replace(g, watched=g.watched * 0 + 1, unusable=g.unusable * 0,
                    trucks=g.trucks * 0 + 3, by_direction={"any": 3})
            for g in facts.gates
        ),
        last_watched=dict.fromkeys(facts.last_watched, NOW),
        calibrations=(), audits=(), changes=(),
    )  # fmt: skip
    page = build_page(quiet, NOW)
    assert "Nothing: no gap, no failed file" in page
    assert "truckcount audit plan" in page


def test_calibrated_gates_have_a_band_and_others_say_they_have_none(page, facts):
    banded = [g for g in facts.gates if g.band is not None]
    assert [(g.camera, g.gate) for g in banded] == [
        ("dc-north", "exit"),
        ("dc-south", "exit"),
    ]
    assert page.count('class="band"') == page.count('class="est"') == 2
    assert (
        page.count("no audit&rsquo;s factor is in these hours") == len(facts.gates) - 2
    )
    assert page.count("95&nbsp;%)") == 2
    told = [f.camera for f in find_attention(facts) if "none of its hours" in f.title]
    audited = {c.camera for c in facts.calibrations}
    assert set(told) == audited - {g.camera for g in banded} != set()
