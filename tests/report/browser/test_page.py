"""The report's page in a browser: what it does when somebody uses it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from fairprune.audit.ranking import ranked
from fairprune.record import Metric
from fairprune.report import html, site
from fairprune.report.shown import Shown
from fairprune.summary import summarise

pytestmark = pytest.mark.browser

METHODS = {
    "random-weight": ("weight", 3.0),
    "magnitude": ("weight", 0.5),
    "random-channel": ("channel", 4.0),
    "l1_norm": ("channel", 1.0),
    "fpgm": ("channel", 1.1),
}
HOSTILE = "l2_norm-\"'><img src=x onerror=alert(1)><script>alert(1)</script>&"
ROWS = "[...document.querySelectorAll('tbody.rows tr')].filter(row => !row.hidden)"


@dataclass(frozen=True)
class Finding:
    rule: str
    severity: str
    ids: tuple[str, ...]
    text: str


@pytest.fixture
def shown(synthetic):
    """A study with everything: timed, with layers, curves and findings, and a name that means harm."""
    made = synthetic({**METHODS, HOSTILE: ("channel", 6.0)}, targets=[2, 4, 16], question=HOSTILE)
    records = {}
    for key, record in made.records.items():
        if record.spec.method:
            timed = Metric(name="measured_speedup_b1", split="none", value=record.speedup**0.5, unit="x")
            kept = {HOSTILE: (3, 8), "conv2": (4, 8)}
            metrics = (*record.metrics, timed)
            record = record.model_copy(update={"kept": kept, "metrics": metrics, "timed_on": HOSTILE})
        records[key] = record
    rows = [{"epoch": float(epoch), "top1": 0.9 + 0.01 * epoch} for epoch in range(1, 6)]
    summary = ranked(summarise(made.study, made.points, records), records, made.study.demand)
    one = next(p.id for p in made.points if p.labels["method"] == "magnitude")
    found = [Finding(HOSTILE, "caution", (one,), HOSTILE)]
    return Shown(summary, records, found, HOSTILE, None, {key: {"retrain": rows} for key in records})


@pytest.fixture
def page(shown, opened):
    def page(**size):
        one = shown
        return opened(html.page(one.summary, one.records, one.findings, one.command, None, one.trained), **size)

    return page


def column(page, head, rows=ROWS):
    """The sorted column's numbers from top to bottom, None where there is none."""
    index = page.js(f"document.querySelector('th[data-key={head}]').cellIndex")
    texts = page.js(f"{rows}.map(row => row.cells[{index}].dataset.v)")
    return [float(text) if text else None for text in texts]


def test_columns_sort_by_mouse_and_keyboard(page):
    shown = page()
    first = column(shown, "endpoint")
    shown.point("th[data-key=endpoint] button", press=True)
    down = column(shown, "endpoint")
    assert down == sorted(first, reverse=True)
    assert shown.js("document.querySelector('th[data-key=endpoint]').ariaSort") == "descending"
    assert "sorted by test top-1 accuracy, % [95% interval], descending." in shown.js("said.textContent")
    shown.js("document.querySelector('th[data-key=endpoint] button').focus()")
    shown.press("Enter")
    assert column(shown, "endpoint") == sorted(first)
    assert shown.js("document.querySelectorAll('th[aria-sort]').length") == 1
    shown.press("Enter")
    assert column(shown, "endpoint") == first
    assert shown.js("document.querySelectorAll('th[aria-sort]').length") == 0
    assert "in the study's order" in shown.js("said.textContent")


def test_what_has_no_number_comes_last_whichever_way(page):
    shown = page()
    for _ in range(2):
        shown.point("th[data-key=difference] button", press=True)
        seen = column(shown, "difference")
        assert None in seen
        assert all(a is not None or b is None for a, b in pairwise(seen))


def test_names_are_sorted_as_words_and_seen_in_every_row(page):
    shown = page()
    hidden = f"{ROWS}.filter(row => row.cells[0].firstElementChild.getBoundingClientRect().width === 0 "
    hidden += "|| getComputedStyle(row.cells[0].firstElementChild).clipPath !== 'none').length"
    assert shown.js(hidden) == 12  # of 18, names are seen once a group
    shown.point("th[data-key=method] button", press=True)
    names = shown.js(f"{ROWS}.map(row => row.cells[0].textContent)")
    assert names == sorted(names)
    assert shown.js(hidden) == 0


def test_rows_are_filtered_by_text_method_target_and_verdict(page):
    shown = page()
    choose = "(form => {{ form.elements.{}.value = {!r}; form.dispatchEvent(new Event('input', {{bubbles: true}})); }})"
    form = "(document.querySelector('form.filter'))"
    shown.js(choose.format("method", "magnitude") + form)
    assert shown.js(f"{ROWS}.length") == 3
    assert shown.js("said.textContent") == "3 of 18 rows are shown."
    gone = (
        "[...document.querySelectorAll('.axis-compression.even svg.wide .entry')].filter(e => e.matches('.out')).length"
    )
    assert shown.js(gone) == 5
    shown.js(choose.format("target", "4x") + form)
    assert shown.js(f"{ROWS}.map(row => row.cells[0].textContent + row.cells[1].textContent)") == ["magnitude4x"]
    shown.js(choose.format("verdict", "worse") + form)
    assert shown.js(f"{ROWS}.length") == 0
    shown.point("form.filter button", press=True)
    shown.js("new Promise(done => setTimeout(done, 20))")
    assert (shown.js(f"{ROWS}.length"), shown.js(gone)) == (18, 0)
    shown.js("document.querySelector('input[name=text]').focus()")
    for letter in "FPG":
        shown.press(letter)
    assert set(shown.js(f"{ROWS}.map(row => row.cells[0].textContent)")) == {"fpgm"}


def test_axes_switch(page):
    shown = page()
    seen = "[...document.querySelectorAll('figure.axis')].filter(f => f.offsetHeight).map(f => f.className).join()"
    assert "axis-compression" in shown.js(seen)
    for key in ("measured-b1", "speedup", "compression"):
        shown.point(f"#show-{key}", press=True)
        assert shown.js(seen) == f"figure axis axis-{key} even"
    shown.point("#scale-errors", press=True)
    assert shown.js(seen) == "figure stretched axis axis-compression"


def test_pointing_at_a_mark_shows_its_numbers_and_a_click_its_runs(page):
    shown = page()
    mark = "figure.axis-compression svg.wide .mark[href='#point-0-3'] .dot"
    shown.point(mark)
    assert shown.js("document.querySelector('.tip').hidden") is False
    tip = shown.js("document.querySelector('.tip').textContent")
    assert tip.startswith("magnitude\ncompression 2x\ntop-1 accuracy ")
    assert "seeds (base/run) 0/0, 1/1, 2/2" in tip
    shown.point(mark, press=True)
    assert shown.js("location.hash") == "#point-0-3"
    assert shown.js("document.getElementById('point-0-3').open") is True
    assert shown.js("document.querySelector('#point-0-3 .layers').offsetHeight") > 20
    assert shown.js("document.querySelectorAll('#point-0-3 svg.training .run').length") == 3


def test_marks_can_be_walked_by_keyboard(page):
    shown = page()
    shown.js("document.querySelector('figure.axis-compression svg.wide .mark[tabindex=\"0\"]').focus()")
    before = shown.js("document.querySelector('.tip').textContent")
    shown.press("ArrowRight")
    after = shown.js("document.querySelector('.tip').textContent")
    assert before.splitlines()[0] == after.splitlines()[0]
    assert before != after
    shown.press("Escape")
    assert shown.js("document.querySelector('.tip').hidden") is True


@pytest.mark.parametrize("width", [360, 768, 1280, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_width_holds_the_page_in_both_schemes(page, width, scheme):
    shown = page(width=width)
    shown.media(scheme=scheme)
    shown.js("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert shown.js("document.documentElement.scrollWidth") == width
    paper, ink = shown.js("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert contrast(paper, ink) > 10
    soft = shown.js("getComputedStyle(document.querySelector('.note')).color")
    assert contrast(paper, soft) > 4.5
    for severity in ("better", "worse"):
        colour = shown.js(f"getComputedStyle(document.querySelector('.verdict-{severity}')).color")
        assert contrast(paper, colour) > 4.5
    assert (luminance(paper) < 0.1) == (scheme == "dark")
    picture = "narrow" if width <= 736 else "wide"
    assert shown.js(f"document.querySelector('.axis-compression svg.{picture}').getBoundingClientRect().width") > 300


def test_the_page_is_whole_without_scripts(shown, opened):
    text = html.page(shown.summary, shown.records, shown.findings, shown.command)
    page = opened(text.replace("<script>", '<script type="text/plain">'))
    assert page.js(f"{ROWS}.length") == 18
    assert page.js("document.querySelector('form.filter').offsetHeight") == 0
    page.point("#show-speedup", press=True)
    assert page.js("document.querySelector('figure.axis-speedup').offsetHeight") > 100
    assert page.js("document.querySelector('figure.axis-compression').offsetHeight") == 0


def test_a_screen_reader_finds_its_way(page):
    shown = page()
    unnamed = "[...document.querySelectorAll('main section, nav, [role=region], form')]"
    unnamed += (
        ".filter(e => !e.getAttribute('aria-label') && !document.getElementById(e.getAttribute('aria-labelledby')))"
    )
    assert shown.js(f"{unnamed}.length") == 0
    assert shown.js("[...document.querySelectorAll('th')].filter(th => !th.scope).length") == 0
    assert shown.js("document.querySelectorAll('main, header, footer, h1').length") == 4
    tree = shown.ask("Accessibility.getFullAXTree")["nodes"]
    controls = [
        n for n in tree if n.get("role", {}).get("value") in ("button", "combobox", "searchbox", "link", "radio")
    ]
    assert len(controls) > 40
    assert [n for n in controls if not n["ignored"] and not n["name"]["value"].strip()] == []


def test_names_that_mean_harm_are_text(page):
    shown = page()
    assert shown.js("document.querySelectorAll('img').length") == 0
    assert shown.js("document.querySelectorAll('script').length") == 3
    assert HOSTILE in shown.js("[...document.querySelector('select[name=method]').options].map(o => o.value)")
    assert shown.js("document.querySelector('.question').textContent") == HOSTILE


@pytest.mark.parametrize("width", [360, 1280])
def test_the_index_of_a_site(shown, opened, width):
    page = opened(site.pages([shown, shown])["index.html"], width=width)
    assert page.js("document.documentElement.scrollWidth") == width
    assert page.js("document.querySelectorAll('h2 a').length") == 2


def channels(colour):
    return [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
