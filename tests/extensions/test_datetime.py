from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.extensions.datetime import extension, to_zone
from tests.extensions.support import NOW, built

BUILDER = built(extension)


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{{ '2021-08-09T06:30:00-03:00'|datetime }}", "2021-08-09 06:30:00-03:00"),
        ("{{ '3 Feb 2022 7am'|datetime }}", "2022-02-03 07:00:00+00:00"),
        ("{{ '03/04/2022'|date }}", "2022-03-04"),
        ("{{ '7:05'|datetime }}", "2024-05-14 07:05:00+00:00"),
        ("{{ '7:05'|time }}", "07:05:00+00:00"),
        ("{{ '2024-01-01T22:00Z'|datetime }}", "2024-01-01 22:00:00+00:00"),
        ("{{ 0|datetime }}", "1970-01-01 00:00:00+00:00"),
        ("{{ 86400.5|date }}", "1970-01-02"),
        ("{{ day|datetime }}", "2020-02-29 00:00:00+00:00"),
        ("{{ clock|datetime }}", "2024-05-14 06:30:00+00:00"),
        ("{{ moment|date }} {{ moment|time }}", "2020-02-29 23:59:00+00:00"),
        ("{{ utc_time.astimezone('Asia/Seoul'|tz)|time }}", "18:30:00"),
        ("{{ utc_time.astimezone(''|tz) == utc_time }}", "True"),
        ("{{ '7:05'|time < '12:00'|time }}", "True"),
    ],
)
def test_filters_read_dates_and_times(template: str, printed: str) -> None:
    names = {"day": date(2020, 2, 29), "clock": time(6, 30), "moment": datetime(2020, 2, 29, 23, 59)}
    assert BUILDER.render(template, **names) == printed


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'soon'|datetime }}",
        "{{ '31:10'|time }}",
        "{{ ''|tz ~ 'Atlantis'|tz }}",
        "{{ '../../etc/passwd'|tz }}",
        "{{ 5|tz }}",
        "{{ 1e30|datetime }}",
        "{{ true|date }}",
        "{{ []|date }}",
        "{{ none|datetime }}",
        "{{ clock|date }}",
        "{{ day|time }}",
        "{{ ('1' * 200)|date }}",
    ],
)
def test_what_cannot_be_read_is_an_error(template: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        BUILDER.render(template, day=NOW.date(), clock=NOW.time())


@given(st.text(max_size=30) | st.text("0123456789:-/. TZ+", max_size=25) | st.floats() | st.integers())
def test_whatever_a_user_writes_is_a_moment_or_a_known_error(value: object) -> None:
    try:
        printed = BUILDER.render("{{ value|datetime }}", value=value)
    except (ValueError, TypeError):
        return
    assert datetime.fromisoformat(printed).tzinfo is not None


def test_a_zone_may_be_an_offset() -> None:
    assert to_zone("UTC+3").utcoffset(datetime(2024, 5, 14)) == timedelta(hours=3)
    for name in ("UTC+99", "../UTC+3", "UTC+"):
        with pytest.raises(ValueError, match="there is no time zone"):
            to_zone(name)
