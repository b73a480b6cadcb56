"""Names that are no model's: told by their places, never repeated; near names are of all that was asked for."""

from tests.unit.policy.samples import context, endpoint, provider

from anyapi.domain.call import Skipped, SkipReason
from anyapi.policy.unknown import MOST_SIMILAR, listed, no_such, skipped

CATALOGUE = context([provider()], [endpoint(model=f"t/{name}") for name in ("good", "two", "three", "goods")]).catalogue
NAMES = {"good-1": "t/good"}


def test_near_names_are_collected_over_all_names_the_likest_of_each_first():
    error = no_such(("t/goood", "t/twoo"), CATALOGUE)
    assert error.metadata == {"similar": ["t/good", "t/two", "t/goods"]}
    assert error.message == ("No such model is in the catalogue. Similar names: t/good, t/two, t/goods. GET /v1/models lists all of them.")
    assert no_such(("SECRET", "t/thre", "t/thre"), CATALOGUE).metadata["similar"][0] == "t/three"


def test_what_nothing_is_like_has_no_near_names():
    error = no_such(("SECRET", "ZZZZ"), CATALOGUE)
    assert (error.message, error.metadata) == (
        "No such model is in the catalogue. GET /v1/models lists all of them.",
        {"similar": []},
    )


def test_near_names_are_few():
    many = context([provider()], [endpoint(model=f"t/model-{number}") for number in range(50)]).catalogue
    found = no_such([f"t/modle-{number}" for number in range(8)], many).metadata["similar"]
    assert len(found) == len(set(found)) == MOST_SIMILAR
    assert set(found) <= set(many.models)


def test_places_of_what_is_no_model_and_not_of_what_is_meant_by_another_name():
    asked = ["t/good", "nope", "good-1", "anyapi/auto", "nope", ""]
    assert list(listed(asked))[1] == ("models[1]", "nope")
    found = skipped(listed(asked), NAMES, CATALOGUE)
    assert [one.field for one in found] == ["models[1]", "models[4]", "models[5]"]
    assert found[0] == Skipped("models[1]", SkipReason.UNKNOWN_MODEL)
