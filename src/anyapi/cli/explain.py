"""`anyapi explain`: what a data policy leaves of a model's endpoints, in order, and why not the rest. Sends nothing, needs no server.

Applies the gateway's floor of the configuration and the options given here as the request, and knows of the promises that the stored
evidence contradicts. Keys, accounts and projects are not known to it: ask `POST /v1/explain` of a running server with a key for those.
"""

import datetime as dt
import os
from pathlib import Path

import click
import msgspec

from anyapi.cli.installed import installed_if_current
from anyapi.cli.output import print_json
from anyapi.config import Config, known_names, load_config, policy_context
from anyapi.control.publish import contradicted
from anyapi.domain.call import Facts, Question, Tag
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import CredentialId, EndpointId, ModelId
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Contradicted, Credential, PolicyContext, Tier
from anyapi.errors import BadRequest, StorageError
from anyapi.policy.decide import decide, decide_each
from anyapi.policy.explain import Explanation, render_text
from anyapi.policy.explain import explain as explanation_of
from anyapi.policy.merge import merge
from anyapi.policy.names import asked_about, bare_names
from anyapi.policy.order import arranged
from anyapi.policy.parse import parse_data_policy
from anyapi.policy.wire_values import LEAST_CONFIDENCES, FlaggedCopies
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.drivers import driver_for
from anyapi.storage.schema import is_current
from anyapi.storage.sql_store import SqlStore
from anyapi.upstream.adapters import SERVED_EMBEDDINGS, SERVED_PROTOCOLS

_ASSUMED = CredentialId("assumed")


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--data-class", type=click.Choice([name.value for name in DataClass]), help="A preset of rules.")
@click.option("--retention-days", type=float, help="Longest retention in days; 0 is zero retention.")
@click.option("--no-training", is_flag=True, help="No endpoint that may train on content.")
@click.option("--paid-only", is_flag=True, help="No free endpoint and no free tier.")
@click.option("--certification", "certifications", multiple=True, help="A certification the endpoint must have. Repeatable.")
@click.option("--region", "regions", multiple=True, help="A region where inference may happen. Repeatable.")
@click.option("--only", multiple=True, help="A provider that may be used, and no other. Repeatable.")
@click.option("--ignore", multiple=True, help="A provider that may not be used. Repeatable.")
@click.option("--no-human-review", is_flag=True, help="No endpoint where somebody may read content.")
@click.option(
    "--min-confidence", type=click.Choice([name.value for name in LEAST_CONFIDENCES]), help="How well training and retention must be known."
)
@click.option(
    "--flagged-copies", type=click.Choice([name.value for name in FlaggedCopies]), help="Whether copies of flagged content count."
)
@click.option("--tag", "tags", multiple=True, help="An ability such as vision or chat_completions:vision. Repeatable.")
@click.option("--assume-credentials", is_flag=True, help="As if a paid key of every provider were configured.")
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (default: anyapi.toml here).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(
    models: tuple[str, ...], path: Path | None, tags: tuple[str, ...], assume_credentials: bool, as_json: bool, **asked: object
) -> None:
    """Say which endpoints of MODELS a data policy leaves, in order, and why not the others.

    `anyapi/auto` stands for all that may be chosen from.
    """
    now = dt.datetime.now(dt.UTC)
    config = load_config(path, os.environ, now, base_of=installed_if_current)
    context = policy_context(config, config.catalogue, SERVED_PROTOCOLS, SERVED_EMBEDDINGS)
    context = msgspec.structs.replace(context, contradicted=stored_evidence(config))
    if assume_credentials:
        context = assuming_credentials(context)
    named, operation = asked_about(tuple(map(ModelId, models)), config.catalogue, bare_names(config.catalogue))
    question = _question(named, _settings(asked, config.catalogue), Facts(tags=_tags(tags), operation=operation), config)
    result, similar = answer(question, context, now.timestamp())
    if as_json:
        print_json(result)
    else:
        click.echo(render_text(result), nl=False)
    for line in similar:
        click.echo(line, err=True)
    if not context.credentials:
        click.echo("No provider has a credential here; --assume-credentials shows what a paid key of each would permit.", err=True)


def answer(question: Question, context: PolicyContext, now: float) -> tuple[Explanation, list[str]]:
    """The explanation at `now` (Unix seconds), and a line for each unknown model. Raises `ModelNotFound` when all are unknown.

    Endpoints that only lack a credential come in the order they would be tried in if they had one.
    """
    decisions, unknown = decide_each(question, context, None, now)
    if not decisions:
        raise unknown[0]
    result = explanation_of(question, decisions, {}, context, account=None, now=now)
    places = _places(question, [decision.model for decision in decisions], context, now)
    ordered = (
        msgspec.structs.replace(model, unavailable=tuple(sorted(model.unavailable, key=lambda row: places.get(row.endpoint, len(places)))))
        for model in result.models
    )
    return msgspec.structs.replace(result, models=tuple(ordered)), [error.message for error in unknown]


def stored_evidence(config: Config) -> Contradicted:
    """The contradictions that a server here has written down; none, and a word about it, where its store cannot be read."""
    try:
        if config.database_url is None and not is_current(config.data_dir / DATABASE_NAME):
            return {}
        with SqlStore(driver_for(config.data_dir, config.database_url)) as store:
            return contradicted(store.contradictions())
    except StorageError as error:
        click.echo(f"Without the evidence of what providers stated: {error.message}", err=True)
        return {}


def assuming_credentials(context: PolicyContext) -> PolicyContext:
    """The same with a paid credential for every provider that has none."""
    assumed = {
        provider: (Credential(_ASSUMED, provider, tier=Tier.PAID),)
        for provider in context.catalogue.providers
        if not context.credentials.get(provider)
    }
    return msgspec.structs.replace(context, credentials=context.credentials | assumed)


def _places(question: Question, models: list[ModelId], context: PolicyContext, now: float) -> dict[EndpointId, int]:
    """The order of all endpoints that would be permitted with credentials, over all models."""
    assumed = assuming_credentials(context)
    decisions = [decide(question.requirement, model, question.facts, assumed, None, now) for model in models]
    return {
        candidate.endpoint.id: place
        for place, candidate in enumerate(candidate for decision in decisions for candidate in arranged(decision.permitted))
    }


def _question(models: tuple[ModelId, ...], settings: Settings, facts: Facts, config: Config) -> Question:
    requirement = merge([(Layer.GATEWAY, config.policy), (Layer.REQUEST, settings)], config.presets)
    return Question(models, requirement, facts)


def _settings(asked: dict[str, object], catalogue: Catalogue) -> Settings:
    """The options as a request's `data_policy`, read by the same reader. Raises `BadRequest`."""
    providers = {key: list(names) for key in ("only", "ignore") if isinstance(names := asked[key], tuple) and names}
    fields: dict[str, object] = {
        "data_class": asked["data_class"],
        "retention_days": asked["retention_days"],
        "training_allowed": False if asked["no_training"] else None,
        "paid_only": True if asked["paid_only"] else None,
        "human_review_allowed": False if asked["no_human_review"] else None,
        "min_confidence": asked["min_confidence"],
        "flagged_copies": asked["flagged_copies"],
        "providers": providers or None,
    }
    fields |= {key: list(names) for key in ("certifications", "regions") if isinstance(names := asked[key], tuple) and names}
    return parse_data_policy({key: value for key, value in fields.items() if value is not None}, known_names(catalogue))


def _tags(texts: tuple[str, ...]) -> frozenset[Tag]:
    """Raises `BadRequest` for a tag nobody knows, listing the known ones."""
    names = [text.removeprefix("chat_completions:") for text in texts]
    known = {tag.value for tag in Tag}
    if not known.issuperset(names):
        raise BadRequest(f"an unknown tag; known: {', '.join(sorted(known))}", "tags")
    return frozenset(Tag(name) for name in names)
