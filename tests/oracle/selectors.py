"""Does a policy exception apply? Answers "yes", "no" or "unknown", as the table of docs/policy.md section 1.1 does."""

from tests.oracle.laws import FLAGGED, GROUNDING, IMAGES, NEVER_SENT, SPEECH


def _without_sets(pattern: str) -> list:
    """A pattern with `[abc]` as several patterns, one for each of the characters."""
    before, opened, rest = pattern.partition("[")
    if not opened:
        return [pattern]
    among, _, after = rest.partition("]")
    return [before + sign + tail for sign in among for tail in _without_sets(after)]


def _glob(pattern: str, text: str) -> bool:
    reached = {0}
    for sign in pattern:
        if sign == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {place + 1 for place in reached if text[place : place + 1] == sign or (sign == "?" and place < len(text))}
    return len(text) in reached


def glob(pattern: str, text: str) -> bool:
    """Whether the text matches: `*` any run of characters, `?` any one, `[abc]` one of these; case counts."""
    return any(_glob(plain, text) for plain in _without_sets(pattern))


def any_glob(patterns: list, text: str) -> bool:
    """Whether one of the patterns matches."""
    return any(glob(pattern, text) for pattern in patterns)


def feature_answer(feature: str, request: dict) -> str:
    """What one feature answers for this request."""
    if feature in NEVER_SENT:
        return "no"
    if feature == GROUNDING:
        return "yes" if request.get("web_search", False) else "no"
    if feature == IMAGES:
        return "yes" if request.get("image_output", False) else "no"
    if feature == SPEECH:
        return "yes" if request.get("audio_output", False) else "no"
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


def two_readings(selector: dict) -> list:
    """(selector, whether it is about flagged copies): one that names flagged features beside others is read as two."""
    features = selector.get("features", ())
    flagged = [feature for feature in features if feature in FLAGGED]
    others = [feature for feature in features if feature not in FLAGGED]
    readings = [(selector | {"features": others}, False)] if others or not flagged else []
    return readings + ([(selector | {"features": flagged}, True)] if flagged else [])
