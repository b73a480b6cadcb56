"""What is known of a request besides its content."""

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, PLAIN_FACTS, App, Facts, Preference, Principal, Question, Sort, Tag
from anyapi.domain.catalogue import Operation
from anyapi.domain.limits import KeyLimits
from anyapi.domain.prompt_log import Keeps, LogRule, LogTarget
from anyapi.domain.requirement import Requirement


def test_the_thirteen_tags():
    assert len(Tag) == 13
    assert all(tag.value == tag.name.lower() for tag in Tag)
    assert [sort.value for sort in Sort] == ["price", "latency", "throughput"]


def test_facts_can_be_part_of_a_memo_key():
    assert hash(Facts(tags=frozenset({Tag.VISION}))) == hash(Facts(tags=frozenset({Tag.VISION})))
    assert Facts() == NO_FACTS
    assert NO_FACTS not in {Facts(web_search=True), Facts(image_output=True), Facts(audio_output=True)}


def test_a_plain_request_of_each_operation():
    assert PLAIN_FACTS[Operation.CHAT_COMPLETIONS] is NO_FACTS
    assert {operation: facts.operation for operation, facts in PLAIN_FACTS.items()} == {each: each for each in Operation}
    assert len(set(PLAIN_FACTS.values())) == len(Operation)


def test_a_question_without_wishes():
    question = Question(("a/m",), Requirement())
    assert (question.facts, question.preference) == (NO_FACTS, NO_PREFERENCE)
    assert Preference() == NO_PREFERENCE
    assert NO_PREFERENCE.allow_fallbacks
    assert set(App.__struct_fields__) == {"id", "name", "version", "user_id", "session_id"}


def test_a_caller_is_plain_who_has_neither_limits_nor_a_log():
    limits, log = KeyLimits("key-1", requests_per_minute=5), LogTarget(LogRule(Keeps.BOTH), ("age1x",))

    def plain(limits=None, log=None, **claimed):
        return Principal("key-1", "acc-1", Requirement(), limits=limits, log=log, **claimed).plain

    assert plain()
    assert not plain(limits)
    assert not plain(None, log)
    assert not plain(limits, log, plain=True)  # what is claimed counts for nothing
