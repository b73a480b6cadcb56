"""Settings and requirements as fields of a request's `data_policy`: the way back from what `anyapi.policy.parse` reads. Pure."""

from collections.abc import Iterator

from anyapi.domain.requirement import SETTING_NAMES, Requirement, Settings

_NOTHING = Settings()


def data_policy(settings: Settings | Requirement) -> dict[str, object]:
    """Give what is asked in the form of a request's `data_policy`. Empty when nothing is asked; several classes are a list."""
    shown: dict[str, object] = {}
    providers: dict[str, object] = {}
    for field, value in asked(settings):
        plain = sorted(value) if isinstance(value, frozenset) else value
        if field.startswith("providers."):
            providers[field.removeprefix("providers.")] = plain
        else:
            shown[field] = plain[0] if field == "data_class" and isinstance(plain, list) and len(plain) == 1 else plain
    return {**shown, "providers": providers} if providers else shown


def asked(settings: Settings | Requirement) -> Iterator[tuple[str, object]]:
    """Give each field that asks something, by its name in `data_policy`, with its value."""
    for name in SETTING_NAMES:
        value = getattr(settings, name)
        if value != getattr(_NOTHING, name):
            yield _field(name), "counted" if name == "flagged_copies_counted" else value
    classes = settings.data_classes if isinstance(settings, Requirement) else _classes(settings)
    if classes:
        yield "data_class", classes


def _classes(settings: Settings) -> frozenset[str]:
    return settings.more_classes if settings.data_class is None else settings.more_classes | {settings.data_class}


def _field(name: str) -> str:
    return {"flagged_copies_counted": "flagged_copies"}.get(name, name.replace("providers_", "providers."))
