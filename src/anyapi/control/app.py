"""The control API as one Litestar app: routes, who may call them, headers that every answer carries, OpenAPI. Opens no port."""

import functools
from pathlib import Path
from urllib.parse import urlsplit

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.serialization import encode_json
from litestar.types import ControllerRouterHandler, Message, Scope

from anyapi import __version__
from anyapi.control import (
    accounts,
    audit,
    catalogue,
    credentials,
    deletion,
    export,
    exposure,
    history,
    invitations,
    keys,
    logs,
    notifications,
    pages,
    privacy_requests,
    provisioning,
    rankings,
    receipts,
    review,
    sessions,
    settings,
    sign_in,
    updates,
    usage,
)
from anyapi.control.bodies import StrictRequest
from anyapi.control.describe import described
from anyapi.control.permissions import SignedIn, guard, refuse_unguarded
from anyapi.control.problems import of_ours, of_the_framework, unforeseen
from anyapi.control.services import Services
from anyapi.control.tenants import for_one_account
from anyapi.control.threads import in_thread
from anyapi.errors import AnyAPIError
from anyapi.storage.rows import ProvisioningKeyRow

LARGEST_BODY = 1024 * 1024
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'"
)
"""The page may ask the data plane too (its origin is put behind this): the playground sends from the browser, past this plane."""
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""On every answer, with the content security policy."""


@get("/api/openapi.json", opt={"public": True}, include_in_schema=False)
@in_thread
def openapi(request: Request[object, object, State]) -> Response[bytes]:
    """The description of this API (OpenAPI 3.1)."""
    return Response(_written(request.app), media_type="application/json")


@functools.lru_cache(maxsize=1)
def _written(app: Litestar) -> bytes:
    """The description as text, made once: it takes 50 ms."""
    return encode_json(described(app, secure=app.state.services.secure))


@get("/api/healthz", opt={"public": True}, sync_to_thread=False)
def healthz() -> dict[str, bool]:
    """Whether the control plane answers."""
    return {"ok": True}


@get("/api/privacy", opt={"public": True}, sync_to_thread=False)
def privacy(services: NamedDependency[Services]) -> dict[str, object]:
    """What is stored, field by field: the same list as the data plane's `/v1/privacy`."""
    return services.inventory()


def create_app(services: Services, dashboard: Path | None = None) -> Litestar:
    """The app. `dashboard` is the directory of the built pages. Raises `ConfigError` for a route that does not say who may call it."""

    def the_services(request: Request[object, object, State]) -> Services:
        found: Services = request.app.state.services
        return found

    def who(request: Request[object, object, State]) -> SignedIn:
        found: SignedIn = request.state.signed_in
        return found

    def provisioner(request: Request[object, object, State]) -> ProvisioningKeyRow:
        found: ProvisioningKeyRow = request.state.provisioner
        return found

    app = Litestar(
        route_handlers=_routes(dashboard),
        guards=[guard],
        middleware=[for_one_account],
        dependencies={
            "services": Provide(the_services, sync_to_thread=False),
            "signed_in": Provide(who, sync_to_thread=False),
            "provisioner": Provide(provisioner, sync_to_thread=False),
        },
        exception_handlers={AnyAPIError: of_ours, HTTPException: of_the_framework, Exception: unforeseen},
        before_send=[_add_headers],
        state=State({"services": services}),
        openapi_config=_description(),
        request_class=StrictRequest,
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
        debug=False,
    )
    refuse_unguarded(app)
    return app


def _routes(dashboard: Path | None) -> list[ControllerRouterHandler]:
    """Everything that is served: one file for each resource."""
    return [
        *(sessions.show, sessions.sign_in, sessions.sign_out, sessions.show_link, sessions.join, sessions.change_password),
        *(sign_in.go, sign_in.come_back),
        *(accounts.list_accounts, accounts.add_account, accounts.keep_usage, accounts.list_projects, accounts.add_project),
        *(accounts.list_members, accounts.change_role, accounts.remove_member, invitations.invite),
        *(invitations.list_invitations, invitations.withdraw_invitation, invitations.take_invitation),
        *(keys.list_keys, keys.make_key, keys.change_key, keys.rotate_key, keys.revoke_key),
        *(provisioning.list_provisioned, provisioning.make_provisioned, provisioning.show_provisioned),
        *(provisioning.change_provisioned, provisioning.delete_provisioned),
        *(credentials.list_credentials, credentials.add_credential, credentials.replace_secret, credentials.sign),
        credentials.revoke_credential,
        *(settings.gateway_settings, settings.save_gateway_settings, settings.preview_gateway_settings),
        *(settings.settings, settings.save_settings, settings.preview_settings, settings.data_classes),
        *(usage.totals, usage.latency, usage.rows, usage.row, usage.export, receipts.receipt),
        *(audit.show_audit, audit.checkpoint),
        *(exposure.show_exposure, exposure.exposure_csv, exposure.processing_record),
        *(catalogue.overview, catalogue.list_models, catalogue.list_providers, catalogue.show_provider, catalogue.explain_question),
        *(privacy_requests.list_requests, privacy_requests.open_request, privacy_requests.show_request, privacy_requests.write_again),
        *(privacy_requests.close_request, privacy_requests.inbox, privacy_requests.reply),
        *(logs.log_settings, logs.add_log_recipient, logs.remove_log_recipient, logs.put_log_rule, logs.drop_log_rule),
        *(logs.switch_logs_off, logs.list_logs, logs.show_log, logs.fetch_log, logs.delete_log, logs.delete_logs),
        *(export.ask_for_export, export.show_export, export.fetch_export, deletion.plan_deletion, deletion.delete_account),
        *(review.show_review, review.accept_changes, review.note_review, review.save_review_settings),
        *(review.save_webhook, review.remove_webhook, updates.list_updates, updates.update_catalogue),
        *(notifications.list_notifications, notifications.mark_seen, notifications.list_deliveries),
        *(rankings.rankings, rankings.show_part, rankings.take_part),
        *(history.account_changes, history.gateway_changes),
        *(openapi, healthz, privacy, *pages.handlers(dashboard)),
    ]


def _description() -> OpenAPIConfig:
    """Litestar's own pages would load scripts from elsewhere; of them only the JSON is left, beside ours."""
    router = Router(path="/api/openapi", route_handlers=[], opt={"public": True})
    return OpenAPIConfig(
        title="AnyAPI control plane", version=__version__, path=None, openapi_router=router, render_plugins=[JsonRenderPlugin(path="/")]
    )


@functools.lru_cache(maxsize=8)
def csp(data_plane_url: str) -> str:
    """The content security policy of a page that may ask itself and the data plane, and nobody else."""
    parts = urlsplit(data_plane_url)
    return f"{CSP} {parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else CSP


async def _add_headers(message: Message, scope: Scope) -> None:
    """The same protection for every answer; nothing of an account stays in a cache."""
    if message["type"] == "http.response.start":
        services: Services = scope["litestar_app"].state.services
        given = list(message["headers"])
        caching = str(scope.get("path", "")).startswith("/api/") and all(name != b"cache-control" for name, _ in given)
        own = [(b"content-security-policy", csp(services.data_plane_url).encode()), *HEADERS]
        message["headers"] = [*given, *own, *([(b"cache-control", b"no-store")] if caching else [])]
