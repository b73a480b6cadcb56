"""A second reading of docs/routing.md: what a request that names models, or leaves the choice to the gateway, may be sent to, and in what order.

A question is a plain dict: `models`, and what was asked besides, `needs` (abilities that the request uses), `prompt` and `answer`
(tokens), `tags`, `web_search`, `image_output`, `audio_output`, `operation`, `least_tokens`, and the wishes `max_price`, `require_parameters`.
"""

from tests.oracle.judgement import credentials_for, judge
from tests.oracle.laws import LAWS, Laws

AUTO = "anyapi/auto"
ROOM_WHERE_NONE_IS_RECORDED = 8192
AVAILABILITY = frozenset(
    "no_credential no_adapter endpoint_elsewhere not_deployed operation_unsupported endpoint_retired context_too_short tags_unmatched parameters_unsupported price_too_high".split()
)
RECORDED_BY_DEFAULT = frozenset(("streaming",))


def can(endpoint: dict, ability: str) -> bool:
    """Whether an ability is recorded for an endpoint."""
    return endpoint.get("capabilities", {}).get(ability, ability in RECORDED_BY_DEFAULT) is True


def _has_all(endpoint: dict, question: dict) -> bool:
    """Whether everything that the request uses is recorded."""
    return all(can(endpoint, ability) for ability in (*question.get("needs", ()), *(("streaming",) if question.get("stream") else ())))


def _is_local(verdict: dict) -> bool:
    return bool(verdict["facts"]) and verdict["facts"]["local"]


def _is_over(endpoint: dict, verdict: dict, limits: dict) -> bool:
    """Whether one of the two prices is over its limit, or not known."""
    for wished, recorded in (("prompt", "input"), ("completion", "output")):
        price = endpoint.get("price", {}).get(recorded)
        if price is None and _is_local(verdict):
            price = 0
        if limits.get(wished) is not None and (price is None or price > limits[wished]):
            return True
    return False


def _wish_codes(endpoint: dict, verdict: dict, question: dict) -> set:
    """What the caller's wishes rule out, of whatever model."""
    codes = set()
    if question.get("require_parameters") and not _has_all(endpoint, question):
        codes.add("parameters_unsupported")
    if _is_over(endpoint, verdict, question.get("max_price", {})):
        codes.add("price_too_high")
    return codes


def _need_codes(endpoint: dict, question: dict) -> set:
    """What the request itself rules out where no model was named."""
    codes = set() if _has_all(endpoint, question) else {"parameters_unsupported"}
    room = endpoint.get("context_length") or ROOM_WHERE_NONE_IS_RECORDED
    longest = endpoint.get("max_output_tokens")
    prompt, answer = question.get("prompt", 0), question.get("answer", 0)
    if prompt + answer > room or (longest is not None and answer > longest):
        codes.add("context_too_short")
    return codes


def _can_be_chosen(endpoint: dict, context: dict, account: str | None, laws: Laws) -> bool:
    return all(
        (
            "chat_completions" in endpoint.get("operations", ("chat_completions",)),
            endpoint.get("status", "active") != "retired",
            credentials_for(endpoint["provider"], context, account, laws),
        )
    )


def asked_for(asked: dict, question: dict, context: dict, account: str | None, now: float, laws: Laws = LAWS) -> dict:
    """Model -> endpoint id -> verdict (of `judge`, with `endpoint`), for every model of the question that is known; `codes` hold wishes too."""
    catalogue, found = context["catalogue"]["models"], {}
    verdicts = {
        name: judge(asked, name, question, context, account, now, laws) for name in catalogue if {name, AUTO} & set(question["models"])
    }
    for model in dict.fromkeys(question["models"]):
        chosen = model == AUTO
        if not chosen and model not in catalogue:
            continue
        found[model] = {}
        for name in catalogue if chosen else (model,):
            for endpoint in catalogue[name].get("endpoints", ()):
                if chosen and not _can_be_chosen(endpoint, context, account, laws):
                    continue
                verdict = verdicts[name][endpoint["id"]]
                codes = verdict["codes"] | _wish_codes(endpoint, verdict, question) | (_need_codes(endpoint, question) if chosen else set())
                found[model][endpoint["id"]] = verdict | {
                    "codes": frozenset(codes),
                    "permitted": not codes,
                    "could": verdict["permitted"],
                    "endpoint": endpoint,
                }
    return found


def refusal(found: dict) -> int:
    """The status of the answer where nothing of `asked_for` is permitted and nothing has failed (docs/policy.md section 4)."""
    hindrances = [verdict["codes"] & AVAILABILITY for verdicts in found.values() for verdict in verdicts.values()]
    if any(not codes for codes in hindrances):
        return 403
    by_tags_alone = frozenset(("tags_unmatched",)) in hindrances
    wrong = bool(hindrances) and all("operation_unsupported" in codes for codes in hindrances)
    return 503 if by_tags_alone and not wrong else 404


def in_order(verdicts: dict, places: list = ()) -> list:
    """The endpoint ids that `anyapi/auto` goes through, where nothing has been measured. `places`: providers that the caller prefers."""
    permitted = {name: verdict for name, verdict in verdicts.items() if verdict["permitted"]}
    could = {name: verdict for name, verdict in verdicts.items() if verdict["could"]}

    def price(name: str) -> float | None:
        stated = could[name]["endpoint"].get("price", {})
        known = stated.get("input") is not None and stated.get("output") is not None
        return stated["input"] + stated["output"] if known else 0 if _is_local(could[name]) else None

    dearest = max((price(name) or 0 for name in could), default=0)

    def lasts(name: str) -> tuple[bool, bool]:
        endpoint = permitted[name]["endpoint"]
        return endpoint.get("status", "active") != "active", not can(endpoint, "tools")

    def place(name: str) -> int:
        provider = permitted[name]["endpoint"]["provider"]
        return places.index(provider) if provider in places else len(places)

    return sorted(permitted, key=lambda name: (lasts(name), place(name), dearest if price(name) is None else price(name), name))
