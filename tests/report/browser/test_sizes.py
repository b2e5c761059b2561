"""The report's page on paper, on a poster, and under a finger."""

from __future__ import annotations

import pytest

from fairprune.report import html
from fairprune.summary import summarise

pytestmark = pytest.mark.browser


@pytest.fixture
def page(synthetic, opened):
    made = synthetic({"random": ("channel", 4.0), "l1_norm": ("channel", 1.0), "fpgm": ("channel", 1.1)})
    text = html.page(summarise(made.study, made.points, made.records), made.records, [], "fairprune run")
    return lambda **size: opened(text, **size)


def test_print_leaves_out_what_needs_a_screen(page):
    shown = page()
    shown.media(kind="print", scheme="dark")
    for part in (".switch", ".filter", "nav", "details"):
        assert shown.js(f"document.querySelector('{part}').offsetHeight") == 0
    assert shown.js("getComputedStyle(document.querySelector('.results')).color") == "rgb(0, 0, 0)"
    assert shown.js("[...document.querySelectorAll('.listed h3')].filter(h => h.offsetHeight).length") == 0


def test_a_printer_gets_light_colours_the_wide_figure_and_every_column(page):
    colours = "['--paper', '--c2', '--better'].map(n => getComputedStyle(document.body).getPropertyValue(n).trim())"
    shown = page(width=720)
    light = shown.js(colours)
    shown.media(kind="print", scheme="dark")
    assert shown.js(colours) == ["#fff", *light[1:]]
    assert shown.js("[...document.querySelectorAll('.results th')].filter(h => !h.offsetWidth).length") == 0
    assert shown.js("document.querySelector('.axis-compression svg.wide').getBoundingClientRect().width") > 600
    assert shown.js("document.documentElement.scrollWidth") < 900  # browsers shrink to the sheet what is wider


def test_a_poster_shows_everything_larger(page):
    shown = page(width=3840)
    assert shown.js("document.querySelector('main').offsetWidth") > 2800
    assert shown.js("parseFloat(getComputedStyle(document.querySelector('.results')).fontSize)") > 24


def test_an_open_point_is_printed_to_the_end_of_its_spec(page):
    shown = page(width=720)
    shown.js("document.querySelector('#point-0-3').open = true")
    shown.media(kind="print")
    spec = "document.querySelector('#point-0-3 pre.spec')"
    assert shown.js(f"{spec}.scrollHeight - {spec}.clientHeight") == 0
    assert shown.js("document.querySelector('.listed h3').offsetHeight") > 0


def test_a_first_touch_shows_a_mark_and_a_second_follows_it(page):
    shown = page(width=360)
    touch = """(() => { const mark = document.querySelector('svg.narrow .mark[href="#point-0-3"] .dot');
      mark.dispatchEvent(new PointerEvent('pointerdown', {pointerType: 'touch', bubbles: true}));
      return mark.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true})); })()"""
    assert shown.js(touch) is False  # the click leads nowhere
    assert "n = 3/3; seeds (base/run) " in shown.js("document.querySelector('.tip').textContent")
    assert shown.js("document.querySelector('.tip').hidden") is False
    assert shown.js(touch) is True
