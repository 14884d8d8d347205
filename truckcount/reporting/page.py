"""Facts to one page: no request, no footage unless given, every name escaped."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from truckcount.domain.audit import latest_labels
from truckcount.reporting.attention import (
    ACT,
    GOOD,
    Finding,
    find_attention,
    spell_share,
)
from truckcount.reporting.bands import Band
from truckcount.reporting.drawing import (
    draw_heat,
    draw_line,
    draw_strip,
    find_breaks,
    level_class,
)
from truckcount.reporting.facts import GateFacts, StoreFacts
from truckcount.reporting.frame_figure import draw_frame

if TYPE_CHECKING:
    from truckcount.reporting.frames import CameraFrame

PARTS = Path(__file__).parent / "page"
SEVERITIES = ("act", "look", "note")
MAX_FINDINGS_SHOWN = 8
MAX_CHANGES = 12
DIRECTIONS = {"in": "in", "out": "out", "unknown": "direction unknown", "any": ""}


def build_page(
    facts: StoreFacts,
    now: datetime | None = None,
    frames: "Mapping[str, CameraFrame] | None" = None,
    *,
    refresh_s: int | None = None,
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    frames : mapping of camera to CameraFrame, optional
        Pictures to show; by default none.
    refresh_s : int, optional
        Seconds after which a browser loads the page again; by default never.

    Notes
    -----
    The page's policy allows its own script by hash and nothing from elsewhere, so
    even a name that slipped through unescaped could not run. Pictures are allowed
    only where it has some, and only those it holds itself.
    """
    now = datetime.now(UTC) if now is None else now
    script = (PARTS / "report.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
        + ("" if frames is None else "; img-src data:")
    )
    refresh = ""
    if refresh_s is not None:
        refresh = f'<meta http-equiv="refresh" content="{refresh_s}">\n'
    shown = {} if frames is None else frames
    findings = find_attention(facts)
    sections = [
        _head(facts, now),
        _attention(findings),
        _overview(facts),
        *(_camera(facts, camera, shown.get(camera)) for camera in facts.cameras),
        _calibration(facts),
        _revisions(facts),
        (PARTS / "footer.html").read_text(),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n{refresh}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Trucks: {escape(facts.name)}</title>\n"
        f"<style>{(PARTS / 'report.css').read_text()}</style></head>\n<body>\n"
        '<svg width="0" height="0" aria-hidden="true" class="defs"><defs>'
        '<pattern id="hatch" width=".5" height="1" patternUnits="userSpaceOnUse">'
        '<rect width=".5" height="1" class="hatch-back"/>'
        '<path d="M0 1L.5 0" class="hatch-line"/></pattern></defs></svg>\n'
        + "\n".join(sections)
        + f'\n<div id="tip" role="status" hidden></div>\n<script>{script}</script>\n'
        "</body></html>\n"
    )


def _head(facts: StoreFacts, now: datetime) -> str:
    seen = [n for g in facts.gates if (n := _n_seen(g)) is not None]
    watched = np.concatenate([g.watched.ravel() for g in facts.gates])
    known = watched[~np.isnan(watched)]
    newest = max(facts.last_watched.values())
    figures = [
        (f"{sum(seen):,}" if seen else "&ndash;", "trucks seen"),
        (escape(spell_share(float(known.mean()))), "of the time watched"),
        (f"{int((known == 0).sum()):,}", "gate-hours not watched"),
        (str(len(facts.cameras)), "cameras" if len(facts.cameras) > 1 else "camera"),
    ]
    return (
        '<header><p class="eyebrow">truckcount report</p>'
        f"<h1>{escape(facts.name)}</h1>"
        f"<p>{facts.days[0]:%d %b %Y} to {facts.days[-1]:%d %b %Y}, local days. "
        f"Watched until {newest:%d %b %H:%M} UTC, drawn {now:%d %b %Y %H:%M} UTC.</p>"
        '<dl class="figures">'
        + "".join(f"<div><dt>{b}</dt><dd>{a}</dd></div>" for a, b in figures)
        + "</dl></header>"
    )


def _attention(findings: Sequence[Finding]) -> str:
    if not findings:
        return (
            '<section id="attention"><h2>Needs attention</h2>'
            '<p class="fine">Nothing: no gap, no failed file, no doubtful hour.</p>'
            "</section>"
        )
    n_act = sum(f.severity == ACT for f in findings)
    items = [_finding(f) for f in findings]
    more = ""
    if len(items) > MAX_FINDINGS_SHOWN:
        rest = items[MAX_FINDINGS_SHOWN:]
        more = (
            f"<details><summary>{len(rest)} more</summary><ul>{''.join(rest)}</ul>"
            "</details>"
        )
    return (
        '<section id="attention"><h2>Needs attention'
        f"<small>{n_act} to act on, {len(findings) - n_act} to look at</small></h2>"
        f"<ul>{''.join(items[:MAX_FINDINGS_SHOWN])}</ul>{more}</section>"
    )


def _finding(finding: Finding) -> str:
    name = SEVERITIES[finding.severity]
    camera = ""
    if finding.camera is not None:
        text = escape(finding.camera)
        camera = f'<a href="#c-{text}">{text}</a> '
    return (
        f'<li class="{name}"><span class="mark">{name}</span><div><b>{camera}'
        f"{escape(finding.title)}</b><p>{escape(finding.detail)}</p></div></li>"
    )


def _overview(facts: StoreFacts) -> str:
    rows = []
    for camera in facts.cameras:
        gates = facts.gates_of(camera)
        name = escape(camera)
        records = facts.files.get(camera, ())
        n_bad = sum(r.status not in GOOD for r in records)
        strip, watched, unusable, trucks = "", "&ndash;", "&ndash;", "&ndash;"
        if gates:
            shares = gates[0].daily_watched
            strip = draw_strip(shares, f"{name}: share of each day that was watched")
            watched = escape(spell_share(float(np.nanmean(gates[0].watched))))
            unusable = f"{float(np.nanmean(gates[0].unusable)):.1%}"
            seen = [n for g in gates if (n := _n_seen(g)) is not None]
            trucks = f"{sum(seen):,}" if seen else "&ndash;"
        bad = f'<b class="bad">{n_bad}</b>' if n_bad else "0"
        rows.append(
            f'<tr><th scope="row"><a href="#c-{name}">{name}</a></th>'
            f'<td class="wide">{strip}</td><td>{watched}</td><td>{unusable}</td>'
            f"<td>{trucks}</td><td>{len(records):,}</td><td>{bad}</td></tr>"
        )
    return (
        '<section id="cameras"><h2>Coverage and health</h2><div class="scroll"><table>'
        '<thead><tr><th>camera</th><th class="wide">watched, day by day</th>'
        "<th>watched</th><th>unusable</th><th>trucks</th><th>files</th><th>failed</th>"
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="key"><i class="k c5"></i> all day <i class="k c3"></i> most '
        '<i class="k c1"></i> part <i class="k c-none"></i> not at all</p></section>'
    )


def _camera(facts: StoreFacts, camera: str, frame: "CameraFrame | None") -> str:
    gates = facts.gates_of(camera)
    if not gates:
        return ""
    name = escape(camera)
    return (
        f'<section class="camera" id="c-{name}"><h2>{name}'
        f"<small>{escape(gates[0].tz)}</small></h2>"
        + ("" if frame is None else draw_frame(frame))
        + "".join(_gate(facts, gate) for gate in gates)
        + "</section>"
    )


def _n_seen(gate: GateFacts) -> int | None:
    """Return trucks seen, all directions; None, not 0, where nobody watched."""
    counts = [n for n in gate.by_direction.values() if n is not None]
    return sum(counts) if counts else None


def _gate(facts: StoreFacts, gate: GateFacts) -> str:
    name = f"{escape(gate.camera)}, {escape(gate.gate)}"
    total = _n_seen(gate)
    split = ", ".join(
        f"{n:,} {DIRECTIONS.get(d, escape(d))}".strip()
        for d, n in sorted(gate.by_direction.items())
        if d != "any" and n is not None
    )
    if total is not None:
        seen = f"{total:,} trucks seen"
    else:
        seen = "stills" if gate.source_kind == "stills" else "not watched"
    breaks = find_breaks(gate.trucks)
    ends = [*(b - 1 for b in breaks[1:]), None]
    key = "".join(
        f'<i class="k v{level_class(k, len(breaks))}"></i> '
        + (f"{a}+" if b is None else f"{a}" if a == b else f"{a}&ndash;{b}")
        + " "
        for k, (a, b) in enumerate(zip(breaks, ends, strict=True))
    )
    heat = draw_heat(
        gate.trucks, gate.watched, facts.days, f"{name}: trucks by hour and day"
    )
    band = gate.band
    line = draw_line(
        gate.daily_trucks if total is not None else np.full(len(facts.days), np.nan),
        gate.daily_watched,
        facts.days,
        f"{name}: trucks a day",
        None if band is None else (band.total, band.half),
    )
    return (
        f"<h3>{escape(gate.gate)}<small>{seen}"
        + (f": {split}" if split else "")
        + ("" if band is None else _calibrated(band, len(facts.days)))
        + '</small></h3><div class="scroll">'
        + f'<figure data-cells="{_cells(facts, gate)}">'
        f"{heat}<figcaption>{_line_caption(gate)}</figcaption>{line}</figure></div>"
        f'<p class="key">trucks an hour{_by_stills(gate)}: <i class="k v0"></i> 0 {key}'
        '<i class="k null"></i> not watched</p>'
    )


def _by_stills(gate: GateFacts) -> str:
    return ", estimated from stills" if gate.source_kind == "stills" else ""


def _calibrated(band: Band, n_days: int) -> str:
    """Spell what the days add up to, with the factor's error in it."""
    if not band.n_days:
        return ""
    of = "" if band.n_days == n_days else f" on {band.n_days} of {n_days} days"
    bare = ", ".join(escape(d) for d in band.as_seen)
    bare = f"; {bare} without a factor" if bare and band.is_calibrated else ""
    return (
        f"; {'calibrated' if band.is_calibrated else 'estimated'} "
        f"<b>{band.period_total:,.0f} &plusmn; {band.period_half:,.0f}</b>"
        f" (95&nbsp;%){of}{bare}"
    )


def _line_caption(gate: GateFacts) -> str:
    band = gate.band
    if band is None:
        return (
            "Trucks a day as the machine saw them: no audit&rsquo;s factor is in these "
            "hours, so nobody can say how far off they are"
        )
    what = "calibrated, missed time filled in, with its 95&nbsp;% interval"
    if not band.is_calibrated:
        what = (
            "estimated for the whole day from what was looked at, with the "
            "95&nbsp;% interval of that alone: no audit&rsquo;s factor is in it"
        )
    seen = '<i class="k run-key"></i> as seen, '
    if gate.source_kind == "stills":
        seen = ""
    return f'Trucks a day: {seen}<i class="k est-key"></i> {what}'


def _cells(facts: StoreFacts, gate: GateFacts) -> str:
    """Spell counts and minutes for the tips; null is left empty."""
    counts = [
        ",".join("" if np.isnan(v) else f"{v:.0f}" for v in day)
        for day in gate.trucks.T
    ]
    minutes = "".join(
        " " if np.isnan(v) else chr(48 + round(60 * min(float(v), 1.0)))
        for v in gate.watched.T.reshape(-1)
    )
    value = {
        "from": facts.days[0].isoformat(),
        "n": ";".join(counts),
        "min": minutes,
    }
    return escape(json.dumps(value, separators=(",", ":")), quote=True)


def _calibration(facts: StoreFacts) -> str:
    current = {(g.camera, g.gate): g.config_hash for g in facts.gates}
    rows = []
    for c in sorted(facts.calibrations, key=lambda c: (c.camera, c.gate, c.direction)):
        is_current = current.get((c.camera, c.gate)) == c.config_hash
        state = c.status if is_current else "older configuration"
        span = 1.96 * c.factor_se
        rows.append(
            f'<tr><th scope="row">{escape(c.camera)}</th><td>{escape(c.gate)}</td>'
            f"<td>{escape(c.direction)}</td><td>{escape(c.regime)}</td>"
            f"<td>{c.factor:.3f}</td><td>{c.factor - span:.3f}&ndash;"
            f"{c.factor + span:.3f}</td><td>{c.n_windows}</td>"
            f'<td><span class="state {escape(state.split()[0])}">{escape(state)}</span>'
            "</td></tr>"
        )
    audits = _audit_rows(facts)
    if not rows and not audits:
        body = (
            '<p class="fine">No count was checked by a person yet, so counts are as '
            "the machine saw them and estimates carry no counting error. Start with "
            "<code>truckcount audit plan</code>.</p>"
        )
    else:
        body = ""
        if rows:
            body += (
                '<div class="scroll"><table><thead><tr><th>camera</th><th>gate</th>'
                "<th>direction</th><th>regime</th><th>factor</th><th>95&nbsp;%</th>"
                "<th>windows</th><th>state</th></tr></thead><tbody>"
                + "".join(rows)
                + '</tbody></table></div><p class="fine">Factor: trucks a person '
                "counts "
                "for one of the machine's. Its error is the same in all hours that use "
                "it and does not average away.</p>"
            )
        body += audits
    return f'<section id="calibration"><h2>Calibration</h2>{body}</section>'


def _audit_rows(facts: StoreFacts) -> str:
    latest = latest_labels(facts.audits)
    items = []
    for audit_id in sorted({w.audit_id for w in latest}):
        own = [w for w in latest if w.audit_id == audit_id]
        done = sum(w.y_human is not None for w in own)
        items.append(
            f"<li><code>{escape(audit_id)}</code> {escape(own[0].camera)}, "
            f"{escape(own[0].gate)}, {escape(own[0].direction)}: {done} of {len(own)} "
            f"windows labelled ({escape(own[0].purpose)})</li>"
        )
    return f'<ul class="plain">{"".join(items)}</ul>' if items else ""


def _revisions(facts: StoreFacts) -> str:
    total = sum(facts.causes.values())
    causes = "".join(
        f"<div><dt>{escape(cause.replace('_', ' '))}</dt><dd>{n:,}</dd></div>"
        for cause, n in sorted(facts.causes.items(), key=lambda item: -item[1])
    )
    worst = sorted(facts.changes, key=lambda c: -abs((c.latest or 0) - (c.first or 0)))
    rows = "".join(
        f'<tr><th scope="row">{escape(c.camera)}</th><td>{escape(c.gate)}</td>'
        f"<td>{escape(c.direction)}</td><td>{c.hour_start_utc:%d %b %H:%M}</td>"
        f"<td>{_count(c.first)} &rarr; <b>{_count(c.latest)}</b></td>"
        f"<td>{escape(c.cause.replace('_', ' '))}"
        + (
            ' <span class="state drifted">after final</span>'
            if c.is_after_final
            else ""
        )
        + "</td></tr>"
        for c in worst[:MAX_CHANGES]
    )
    table = ""
    if rows:
        table = (
            f"<details><summary>{len(facts.changes):,} counts were changed; the largest"
            '</summary><div class="scroll"><table><thead><tr><th>camera</th>'
            "<th>gate</th><th>direction</th><th>hour, UTC</th><th>first &rarr; now</th>"
            f"<th>cause</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
        )
    return (
        f'<section id="revisions"><h2>Revisions<small>{total:,} in this time</small>'
        f'</h2><dl class="figures small">{causes}</dl>{table}</section>'
    )


def _count(value: int | None) -> str:
    return "not watched" if value is None else str(value)
