from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.demo.almanac import dated, midnight, moment

NOW = datetime(2024, 3, 1, 15, 30, tzinfo=UTC)  # a Friday, after a leap day


def test_dates_are_counted_from_the_day_of_the_demo():
    assert dated("on {weekday-1}, {date-1}, and since {month-30}", NOW) == "on Thursday, February 29, and since January"
    assert dated("by {weekday+3}", NOW) == "by Monday"


def test_weekdays_can_be_spanish():
    assert dated("el {weekday-2:es}", NOW) == "el miércoles"


def test_moments_are_utc_whatever_the_zone_of_now():
    eastern = NOW.astimezone(timezone(timedelta(hours=-11)))
    assert moment("day-2 07:30", eastern) == datetime(2024, 2, 28, 7, 30, tzinfo=UTC)
    assert midnight(eastern) == datetime(2024, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["{yesterday}", "{weekday}", "{date-1", "}"])
def test_a_brace_that_is_no_date_is_an_error(text):
    with pytest.raises(ValueError, match="no date"):
        dated(text, NOW)


@pytest.mark.parametrize("text", ["day-1", "day+1 07:30", "yesterday 07:30", "day-1 7:30"])
def test_a_moment_of_another_form_is_an_error(text):
    with pytest.raises(ValueError, match="no moment"):
        moment(text, NOW)
