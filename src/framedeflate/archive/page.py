# SPDX-License-Identifier: Apache-2.0
"""A summary as one HTML page that needs nothing else: no script, no font, no other server."""

import json
import time
from collections.abc import Callable, Sequence
from html import escape

from framedeflate.archive.plots import bars, curve, histogram
from framedeflate.archive.summary import Group, Summary

__all__ = ["page"]

_STYLE = """
:root { --ink: #1d2733; --soft: #66758a; --paper: #fff; --line: #dfe5ec; --before: #b9c4d2; --after: #1f7a8c;
        --bad: #b3382c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf1; --soft: #93a1b3; --paper: #14191f; --line: #2b343f; --before: #51606f; --after: #4fb3c4;
          --bad: #ef7b6e; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2.5rem auto;
       max-width: 62rem; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 2.2rem; margin: 1.6rem 0; }
.figures b { display: block; font-size: 1.7rem; line-height: 1.2; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th, td { white-space: nowrap; } th { color: var(--soft); font-weight: 600; }
td.text, th.text { text-align: left; white-space: normal; overflow-wrap: break-word; }
th.text { white-space: nowrap; } summary { cursor: pointer; }
tr.sum td { font-weight: 600; border-bottom: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; } svg .label { fill: var(--ink); } svg .value { fill: var(--soft); }
svg .before { fill: var(--before); } svg .after { fill: var(--after); } svg .area { fill: var(--after); opacity: .18; }
svg .line { fill: none; stroke: var(--after); stroke-width: 2; } svg .axis { stroke: var(--line); }
.key span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .4em 0 1em; }
.failed { color: var(--bad); } details { margin: .2rem 0; }
"""


def page(summary: Summary, show_nbytes: Callable[[int], str], *, paths: bool = False) -> str:
    """Return the page.

    Parameters
    ----------
    show_nbytes : callable
        Writes a number of bytes for a person.
    paths : bool
        Name files that failed. Folders and files are called after patients in many an archive, and a page is passed
        on; so only where that is asked for.
    """
    total = summary.total
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Archive report</title><style>{_STYLE}</style></head><body>",
        "<h1>Archive report</h1>",
        *_places(summary),
        _figures(summary, total, show_nbytes),
    ]
    if summary.groups:
        parts += ["<h2>By modality and SOP class</h2>", _table(summary.groups, total, show_nbytes)]
        rows = [(_name(group), group.source_nbytes, group.result_nbytes) for group in summary.groups[:12]]
        parts += [
            '<h2>Bytes before and after</h2><p class="key soft"><span style="background:var(--before)"></span>before'
            '<span style="background:var(--after)"></span>after</p>',
            bars(rows, show_nbytes),
        ]
    if summary.gains:
        parts += ["<h2>How much smaller files became</h2>", _gains(summary)]
    if summary.finished:
        parts += ["<h2>Work over time</h2>", _work(summary, show_nbytes)]
    if summary.failures:
        parts += ["<h2>Not compressed</h2>", *_failures(summary, paths=paths)]
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _places(summary: Summary) -> list[str]:
    places = {(facts.get("source", ""), facts.get("destination", "")) for facts in summary.facts}
    lines = [f'<p class="soft">{escape(source)} → {escape(to)}</p>' for source, to in sorted(places)]
    settings = {facts.get("settings", "") for facts in summary.facts}
    for one in sorted(filter(None, settings)):
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _settings(one).items())
        lines.append(f'<p class="soft">{escape(said)}</p>')
    if len(summary.facts) > 1:
        lines.append(f'<p class="soft">{len(summary.facts)} parts</p>')
    return lines


def _settings(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _figures(summary: Summary, total: Group, show: Callable[[int], str]) -> str:
    percent = 100 * total.saved_nbytes / total.source_nbytes if total.source_nbytes else 0.0
    saved = f"{'-' if total.saved_nbytes < 0 else ''}{show(abs(total.saved_nbytes))}"
    figures = [
        (f"{total.files:,}", "files in the archive"),
        (f"{total.frames:,}", "frames"),
        (saved, f"saved ({percent:.1f} %)"),
        (show(total.result_nbytes), f"of {show(total.source_nbytes)} left"),
    ]
    for state, label in (("failed", "failed"), ("planned", "still to do"), ("skipped", "skipped")):
        if summary.states[state]:
            figures.append((f"{summary.states[state]:,}", label))
    if summary.gone:
        figures.append((f"{summary.gone:,}", "gone from the source since"))
    cells = (
        f"<div{' class=failed' if label == 'failed' else ''}><b>{escape(value)}</b>{escape(label)}</div>"
        for value, label in figures
    )
    return f'<div class="figures">{"".join(cells)}</div>'


def _table(groups: Sequence[Group], total: Group, show: Callable[[int], str]) -> str:
    head = (
        '<tr><th class="text">Modality<th class="text">SOP class<th>Files<th>Frames<th>Before<th>After<th>Saved'
        "<th>Frames native<th>Time</tr>"
    )
    rows = [_row(group, show) for group in groups]
    if len(groups) > 1:
        rows.append(_row(total, show).replace("<tr>", '<tr class="sum">'))
    return f"<table>{head}{''.join(rows)}</table>"


def _row(group: Group, show: Callable[[int], str]) -> str:
    percent = 100 * group.saved_nbytes / group.source_nbytes if group.source_nbytes else 0.0
    return (
        f'<tr><td class="text">{escape(group.modality)}<td class="text">{escape(group.sop_class)}'
        f"<td>{group.files:,}<td>{group.frames:,}<td>{show(group.source_nbytes)}<td>{show(group.result_nbytes)}"
        f"<td>{percent:.1f} %<td>{show(group.native_nbytes)}<td>{group.seconds:,.0f} s</tr>"
    )


def _gains(summary: Summary) -> str:
    low, high = min(summary.gains), max(summary.gains)
    low, high = max(low, -3.0), min(high, 12.0)
    bins: dict[float, int] = {}
    at = low
    while at <= high:
        bins[at] = 0
        at += 0.5
    for gain, count in summary.gains.items():
        bins[min(max(gain, low), high)] += count
    labels = [(_times(gain), count) for gain, count in bins.items()]
    return histogram(labels, title="files, by how many times smaller (from)")


def _times(gain: float) -> str:
    times = 2.0**gain
    return f"{times:.0f}" if times >= 10 else f"{times:.1f}" if times >= 1 else f"{times:.2f}"


def _work(summary: Summary, show: Callable[[int], str]) -> str:
    first, last = summary.finished[0][0], summary.finished[-1]
    top = f"{last[1]:,} files, {show(last[2])}"
    points = [(at, nbytes) for at, _files, nbytes in summary.finished]
    return curve(points, labels=(_moment(first), _moment(last[0]), top))


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


_FAILURE_COLUMNS = ("State", "Error", "Kind", "Files", "For example")


def _failures(summary: Summary, *, paths: bool) -> list[str]:
    titles = "".join(f"<th{'' if name == 'Files' else ' class=text'}>{name}" for name in _FAILURE_COLUMNS)
    head = f"<tr>{titles}</tr>"
    rows = []
    for one in summary.failures:
        names = "".join(f"<br>{escape(path)}" for path in one.paths) if paths else ""
        more = (
            f"<br>and {one.files - len(one.paths)} more" if one.paths and one.files > len(one.paths) else ""
        )
        named = f"<details><summary>files</summary>{names[4:]}{more}</details>" if names else ""
        rows.append(
            f'<tr><td class="text{" failed" if one.state == "failed" else ""}">{escape(one.state)}'
            f'<td class="text">{escape(one.error)}<td class="text">{escape(one.kind)}<td>{one.files:,}'
            f'<td class="text">{escape(one.message)}{named}</tr>'
        )
    return [f"<table>{head}{''.join(rows)}</table>"]


def _name(group: Group) -> str:
    return f"{group.modality} {group.sop_class}".strip() or "unknown"
