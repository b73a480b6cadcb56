"""Does a policy exception apply? Answers "yes", "no" or "unknown", as the table of docs/policy.md section 1.1 does."""

from tests.oracle.laws import FLAGGED, GROUNDING, NEVER_SENT


def glob(pattern: str, text: str) -> bool:
    """Whether the text matches; `*` stands for any run of characters, nothing else is special."""
    reached = {0}
    for sign in pattern:
        if sign == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {place + 1 for place in reached if text[place : place + 1] == sign}
    return len(text) in reached


def any_glob(patterns: list, text: str) -> bool:
    """Whether one of the patterns matches."""
    return any(glob(pattern, text) for pattern in patterns)


def feature_answer(feature: str, request: dict) -> str:
    """What one feature answers for this request."""
    if feature in NEVER_SENT:
        return "no"
    if feature == GROUNDING:
        return "yes" if request.get("web_search", False) else "no"
    return "yes" if feature in FLAGGED else "unknown"


def _among(value: str | None, wanted: list) -> str:
    if value is None:
        return "unknown"
    return "yes" if value in wanted else "no"


def _features(features: list, request: dict) -> str:
    answers = {feature_answer(feature, request) for feature in features}
    return next(answer for answer in ("yes", "unknown", "no") if answer in answers)


def answer(selector: dict, endpoint: dict, credential: dict, request: dict) -> str:
    """The answer of all selectors of an exception together."""
    table = {
        "models": lambda wanted: "yes" if any_glob(wanted, endpoint["model"]) else "no",
        "endpoint_models": lambda wanted: "yes" if any_glob(wanted, endpoint["upstream_model"]) else "no",
        "endpoint_privacy_mode": lambda wanted: _among(endpoint.get("privacy_mode"), wanted),
        "account": lambda wanted: "yes" if set(wanted) & set(credential.get("account_states", ())) else "no",
        "caller_region": lambda wanted: _among(credential.get("caller_region"), wanted),
        "terms": lambda wanted: "yes" if set(wanted) & set(credential.get("terms", ())) else "unknown",
        "data": lambda wanted: "no",
        "features": lambda wanted: _features(wanted, request),
    }
    answers = [table[name](wanted) for name, wanted in selector.items() if wanted]
    return next((verdict for verdict in ("no", "unknown") if verdict in answers), "yes")


def is_flagged(selector: dict) -> bool:
    """Whether the exception is about copies of flagged content."""
    return bool(FLAGGED & set(selector.get("features", ())))
