"""How the report looks: one quiet style sheet, light and dark, phone to desk."""

CSS = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1f2430; --quiet: #616a79;
  --line: #e1e5ec; --truck: #1668b8; --none: #b95f14; --soft: #eef3f9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171d; --card: #1c2028; --ink: #e6e8ee; --quiet: #9aa3b2;
    --line: #2e3440; --truck: #6cb0f5; --none: #f0a35e; --soft: #222a36;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 1.15rem; margin: 40px 0 4px; letter-spacing: -0.005em; }
p { margin: 4px 0 14px; max-width: 68ch; }
.quiet, figcaption { color: var(--quiet); font-size: 0.88rem; line-height: 1.45; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 16px;
}
.tiles {
  display: grid; gap: 12px; margin: 22px 0 8px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
}
.tile b {
  display: block; font-size: 1.65rem; line-height: 1.2; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -0.02em;
}
.tile span { font-size: 0.88rem; color: var(--quiet); }
.tile small {
  display: block; color: var(--quiet); font-size: 0.8rem;
  font-variant-numeric: tabular-nums;
}
.grid {
  display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr));
}
figure { margin: 0; }
.seen { align-items: start; }
figure img { display: block; width: 100%; height: auto; border-radius: 6px; }
figure picture img { max-width: 460px; margin: 0 auto; }
figcaption { margin-top: 8px; }
.confusion {
  display: grid; grid-template-columns: auto 1fr 1fr; gap: 6px; align-items: center;
}
.confusion > div {
  border-radius: 8px; padding: 14px 10px; text-align: center; background: var(--soft);
}
.confusion .head { background: none; padding: 2px 6px; color: var(--quiet);
  font-size: 0.85rem; }
.confusion .side { text-align: right; }
.confusion b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.confusion small { color: var(--quiet); display: block; line-height: 1.35; }
.confusion .wrong b { color: var(--none); }
.confusion .right b { color: var(--truck); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td {
  text-align: right; padding: 7px 10px; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; white-space: nowrap;
}
th:first-child, td:first-child { text-align: left; white-space: normal; }
th { font-weight: 600; color: var(--quiet); font-size: 0.82rem; }
td small { color: var(--quiet); margin-left: 4px; }
tr.group td { padding-top: 16px; font-weight: 600; border-bottom: none; }
.mistakes {
  display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(150px, 44vw), 1fr));
}
.mistakes .card { padding: 8px 8px 10px; }
.mistakes .gone {
  aspect-ratio: 16 / 9; display: grid; place-items: center; border-radius: 6px;
  background: var(--soft); color: var(--quiet); font-size: 0.85rem;
}
.bar { height: 5px; border-radius: 3px; background: var(--soft); margin: 8px 0 6px; }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--truck); }
.mistakes figcaption { margin: 0; overflow-wrap: anywhere; font-size: 0.82rem; }
.mistakes figcaption strong { color: var(--ink); font-weight: 600; }
.pixel img { image-rendering: pixelated; max-width: 420px; }
details summary { cursor: pointer; color: var(--quiet); }
pre { overflow-x: auto; font-size: 0.8rem; line-height: 1.4; }
@media (max-width: 480px) {
  main { padding: 18px 14px 48px; }
  h1 { font-size: 1.4rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile b { font-size: 1.35rem; }
}
@media print { body { background: none; } .card { break-inside: avoid; } }
"""
