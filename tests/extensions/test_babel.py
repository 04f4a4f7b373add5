from typing import Any

import pytest

from maxbot.extensions.babel import extension
from tests.extensions.support import FakeBuilder, built

LONDON = {"locale": "en_GB", "tz": "Europe/London", "currency": "GBP"}


def printed(template: str, config: dict[str, Any]) -> str:
    return built(extension, config).render(template).replace("\u202f", " ").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ utc_time|format_datetime }}", "14 May 2024, 10:30:00"),
        ("{{ utc_time|format_datetime('short', 'de_DE', 'Asia/Seoul') }}", "14.05.24, 18:30"),
        ("{{ utc_time|format_date('EEEE, d MMMM') }}", "Tuesday, 14 May"),
        ("{{ '2024-12-24'|format_date('short') }}", "24/12/2024"),
        ("{{ utc_time|format_time('short') }}", "10:30"),
        ("{{ '7:05'|format_time('short') }}", "07:05"),
        ("{{ '2024-07-01T07:05'|format_time('HH:mm', tz='Asia/Seoul') }}", "07:05"),
        ("{{ 35.5|format_currency }}", "£35.50"),
        ("{{ '35.5'|format_currency('EUR', locale='de_DE') }}", "35,50 €"),
        ("{{ 35|format_currency('JPY') }}", "JP¥35"),
        ("{{ 1234.5|format_currency('JPY', '#,##0.00 ¤', currency_digits=false) }}", "1,234.50 JP¥"),
    ],
)
def test_filters_print_as_people_write(template: str, expected: str) -> None:
    assert printed(template, LONDON) == expected


def test_without_a_zone_values_keep_utc() -> None:
    assert printed("{{ utc_time|format_time('full') }}", {"locale": "en"}) == "9:30:00 AM Coordinated Universal Time"


def test_without_a_zone_a_moment_keeps_its_own() -> None:
    written = "'2021-08-09T06:30:00-03:00'"
    assert printed(f"{{{{ {written}|format_datetime('short') }}}}", {"locale": "en"}) == "8/9/21, 6:30 AM"
    assert printed(f"{{{{ {written}|format_datetime('short', tz='UTC') }}}}", {"locale": "en"}) == "8/9/21, 9:30 AM"


def test_the_day_of_a_moment_is_not_converted() -> None:
    config = {"locale": "en", "tz": "Pacific/Auckland"}
    assert printed("{{ '2024-05-14T23:30Z'|format_date('short') }}", config) == "5/14/24"


def test_the_locale_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_TIME", "LC_NUMERIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert printed("{{ utc_time|format_date('EEEE') }}", {}) == "Dienstag"


@pytest.mark.parametrize(
    "template",
    [
        "{{ 5|format_currency }}",
        "{{ 'much'|format_currency('EUR') }}",
        "{{ true|format_currency('EUR') }}",
        "{{ 'soon'|format_date }}",
        "{{ utc_time|format_date(locale='de-DE') }}",
        "{{ utc_time|format_date(locale='xx_XX') }}",
        "{{ utc_time|format_time(tz='Atlantis') }}",
    ],
)
def test_what_cannot_be_printed_is_an_error(template: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        printed(template, {"locale": "en"})


def test_an_unknown_zone_is_an_error_at_load() -> None:
    with pytest.raises(ValueError, match="no time zone 'Atlantis'"):
        extension(FakeBuilder(), {"tz": "Atlantis"})
