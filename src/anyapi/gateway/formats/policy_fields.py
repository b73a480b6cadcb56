"""The policy fields of a request's body, in any client format: raw JSON to settings and preference; and the app fields."""

from anyapi.domain.call import NO_PREFERENCE, App, Preference
from anyapi.domain.requirement import Settings
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.formats.strict_json import Fields, policy_value
from anyapi.policy.parse import APP_PREFIX, Known, parse_app_headers, parse_data_policy, parse_provider, parse_provider_options

NO_APP = App()


def read_policy(policy: Fields, known: Known) -> tuple[list[Settings], Preference]:
    """The settings and the preference that a request's policy fields ask for. Raises `BadRequest` naming the field."""
    settings: list[Settings] = []
    preference = NO_PREFERENCE
    if "data_policy" in policy:
        settings.append(parse_data_policy(policy_value(policy["data_policy"], "data_policy"), known))
    if "providerOptions" in policy:
        settings.append(parse_provider_options(policy_value(policy["providerOptions"], "providerOptions")))
    if "provider" in policy:
        asked, preference = parse_provider(policy_value(policy["provider"], "provider"), known)
        settings.append(asked)
    return settings, preference


def app_of(call: Call, request: ChatRequest) -> App:
    """The app fields of a request, from its headers, else from its metadata. Raises `BadRequest`."""
    if call.policy:
        app = parse_app_headers(pair for pair in call.policy_headers() if pair[0].startswith(APP_PREFIX))
        if app != NO_APP:
            return app
    return request.app or NO_APP
