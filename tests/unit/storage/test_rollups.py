"""What is summed by what, and that neither apps nor sessions make the sums many."""

from tests.conformance.samples import NOON, usage_row

from anyapi.domain.call import App
from anyapi.storage.rollups import DIMENSIONS, MEASURES, MOST_APPS, OTHER_APPS, AppLabels, hour_of, kinds
from anyapi.storage.rollups import cells as cells_of

HOUR = int(NOON)


def cells(rows, app_label, sign=1):
    return cells_of(kinds(rows), app_label, sign)


def as_is(account, hour, app):
    return app


def named(sums):
    return {name: value for name, value in zip(MEASURES, sums, strict=True) if value}


def test_a_row_is_counted_once_in_each_dimension():
    found = cells([usage_row(1)], as_is)
    assert {(dimension, label) for dimension, _, _, label in found} == {
        ("all", "-"),
        ("key", "key_1"),
        ("model", "anthropic/claude-3.5-sonnet"),
        ("provider", "sim-zero"),
        ("outcome", "success"),
        ("app", "app"),
        ("host", "-"),
        ("evidence", "-"),
    }
    assert {(account, hour) for _, account, hour, _ in found} == {("default", HOUR)}
    for sums in found.values():
        assert named(sums) == {
            "requests": 1,
            "succeeded": 1,
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "cached_tokens": 10,
            "reasoning_tokens": 5,
            "cost": 0.25,
            "duration_07": 1,
            "first_token_05": 1,
        }


def test_dimensions_add_up_and_do_not_multiply():
    rows = [usage_row(number, at=NOON, key=f"k{number % 10}", model=f"m/{number % 7}", provider=f"p{number % 11}") for number in range(770)]
    assert len(cells(rows, as_is)) == 10 + 7 + 11 + len(DIMENSIONS) - 3


def test_sessions_users_and_decisions_are_labels_of_nothing():
    apps = [App("app", "name", f"{number}", f"user{number}", f"session{number}") for number in range(500)]
    rows = [usage_row(number, at=NOON, app=app, endpoint=f"e{number}", credential=f"c{number}") for number, app in enumerate(apps)]
    assert len(cells(rows, as_is)) == len(DIMENSIONS)


def test_what_goes_takes_away_what_it_brought():
    rows = [usage_row(1), usage_row(2, cost=None, outcome="timed_out", evidence="retained"), usage_row(3, first_token=None)]
    came, went = cells(rows, as_is), cells(rows, as_is, sign=-1)
    assert came.keys() == went.keys()
    assert all(one + other == 0 for cell in came for one, other in zip(came[cell], went[cell], strict=True))


def test_an_hour_begins_where_it_does_before_1970_too():
    assert [hour_of(at) for at in (NOON - 0.5, NOON, NOON + 3599.9, -0.5)] == [HOUR - 3600, HOUR, HOUR, -3600]


def test_an_hour_has_so_many_apps_and_the_rest_count_together():
    labels = AppLabels(lambda account, hour: ())
    apps = [App(name=f"app{number}") for number in range(MOST_APPS + 50)]
    found = cells([usage_row(number, at=NOON, app=app) for number, app in enumerate(apps)], labels)
    of_apps = {label: named(sums)["requests"] for (dimension, _, _, label), sums in found.items() if dimension == "app"}
    assert len(of_apps) == MOST_APPS + 1
    assert of_apps[OTHER_APPS] == 50
    assert labels("default", HOUR, "app1") == "app1"
    assert labels("default", HOUR + 3600, "app249") == "app249"
    assert labels("other", HOUR, "app249") == "app249"


def test_what_is_stored_is_asked_once_and_counts():
    asked = []

    def stored(account, hour):
        asked.append((account, hour))
        return ["-", OTHER_APPS, "old"]

    labels = AppLabels(stored, most=2)
    assert [labels("a", HOUR, app) for app in ("new", "newer", "old", "new")] == ["new", OTHER_APPS, "old", "new"]
    assert [labels.counted("a", HOUR, app) for app in ("new", "newer", "old")] == ["new", OTHER_APPS, "old"]
    assert asked == [("a", HOUR)]


def test_an_app_named_like_no_app_is_none():
    found = cells([usage_row(1, app=App(name="-"))], AppLabels(lambda account, hour: ()))
    assert [cell for cell in found if cell[0] == "app"] == [("app", "default", HOUR, "-")]
