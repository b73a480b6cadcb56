"""`anyapi explain`: what a data policy leaves of a model's endpoints, in order, and why not the rest. Sends nothing, needs no server.

Takes in the configuration's policy, what is stored of the gateway, of an account and, if one is named, of its project and key, and the
options given here as the request: what `POST /v1/explain` says of a request by such a key. What a server has measured it does not know.
"""

import datetime as dt
import os
from pathlib import Path

import click
import msgspec

from anyapi.cli.in_force import Stored, stored_for
from anyapi.cli.installed import installed_if_current
from anyapi.cli.layers import named_by, only_one
from anyapi.cli.output import print_json
from anyapi.config import Config, known_names, load_config, policy_context
from anyapi.crypto.secret import Secret
from anyapi.domain.call import Facts, Question, Tag
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AccountId, CredentialId, EndpointId, ModelId
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Credential, PolicyContext, Tier
from anyapi.errors import ModelNotFound
from anyapi.policy.decide import decide, decide_each
from anyapi.policy.explain import Explanation, render_text
from anyapi.policy.explain import explain as explanation_of
from anyapi.policy.merge import merge
from anyapi.policy.names import bare_names
from anyapi.policy.order import arranged
from anyapi.policy.parse import parse_data_policy
from anyapi.policy.question import PREFIX, asked_about, tags_named
from anyapi.policy.unknown import LISTED, listed, no_such, skipped
from anyapi.policy.wire_values import LEAST_CONFIDENCES, FlaggedCopies
from anyapi.storage.rows import DEFAULT_ACCOUNT
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
@click.option("--tag", "tags", multiple=True, help="An ability such as vision or web_search. Repeatable.")
@click.option("--assume-credentials", is_flag=True, help="As if a paid key of every provider were configured.")
@click.option("--account", help="As a request of this account.  [default: default]")
@click.option("--project", help="As a request of this project.")
@click.option("--key", help="As a request by the API key of this id (key_...).")
@click.option("--no-store", is_flag=True, help="Leave out what is stored: the configuration alone.")
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (default: anyapi.toml here).")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where keys, settings and usage are stored.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(models: tuple[str, ...], tags: tuple[str, ...], assume_credentials: bool, as_json: bool, **asked: object) -> None:
    """Say which endpoints of MODELS a data policy leaves, in order, and why not the others.

    `anyapi/auto` stands for all that may be chosen from. Takes in what is stored, if anything is, and says so.
    """
    now = dt.datetime.now(dt.UTC)
    config, stored = _known(now, msgspec.convert({name: asked.pop(name) for name in _Where.__struct_fields__}, _Where))
    context = stored.over(policy_context(config, config.catalogue, SERVED_PROTOCOLS, SERVED_EMBEDDINGS))
    if assume_credentials:
        context = assuming_credentials(context)
    names = bare_names(config.catalogue)
    named, facts = asked_about(tuple(map(ModelId, models)), config.catalogue, names, Facts(tags=_tags(tags)))
    question = _question(named, _settings(asked, config.catalogue), facts, config, stored)
    question = msgspec.structs.replace(question, skipped=skipped(listed(models), names, config.catalogue))
    result, similar = answer(question, context, now.timestamp(), stored.account)
    _print(result, stored, as_json=as_json)
    for line in similar:
        click.echo(line, err=True)
    if not context.credentials and not context.own_credentials.get(stored.account or AccountId("")):
        click.echo("No provider has a credential here; --assume-credentials shows what a paid key of each would permit.", err=True)


def _print(result: Explanation, stored: Stored, *, as_json: bool) -> None:
    if as_json:
        print_json({**{name: getattr(result, name) for name in result.__struct_fields__}, "layers": _layers(stored)})
    else:
        click.echo(f"Taken in: {_taken_in(stored)}")
        click.echo(render_text(result), nl=False)


class _Where(msgspec.Struct, frozen=True):
    """Options that say where configuration and store are, and who is meant."""

    path: Path | None
    data_dir: Path | None
    no_store: bool
    account: str | None
    project: str | None
    key: str | None


def _known(now: dt.datetime, where: _Where) -> tuple[Config, Stored]:
    """The configuration, and what is stored for whom the options name."""
    named = named_by(where.account, where.project, where.key)
    subject = only_one(named, (Layer.ACCOUNT, DEFAULT_ACCOUNT))
    if where.no_store and named:
        raise click.UsageError("--no-store leaves out accounts, projects and keys: name none")

    def base_of(configured: Path, url: Secret | None, packaged: Catalogue) -> Catalogue:
        return packaged if where.no_store else installed_if_current(where.data_dir or configured, url, packaged)

    config = load_config(where.path, os.environ, now, base_of=base_of)
    if where.data_dir is not None:
        config = msgspec.structs.replace(config, data_dir=where.data_dir)
    return config, Stored(source="the store is left out") if where.no_store else stored_for(config, subject, named=bool(named))


def _layers(stored: Stored) -> list[dict[str, str | None]]:
    """Where what is asked comes from, in order."""
    kept = ((layer, name, "store") for (layer, name), _ in stored.layers)
    whose = [(Layer.GATEWAY, "", "configuration"), *kept, (Layer.REQUEST, "", "options")]
    return [{"layer": layer.value, "id": name or None, "from": source} for layer, name, source in whose]


def _taken_in(stored: Stored) -> str:
    """The same in words."""
    rest = [f"{layer.value} {name}" for (layer, name), _ in stored.layers if layer is not Layer.GATEWAY]
    return ", ".join((f"the gateway's policy (configuration; {stored.source})", *rest, "the options given here"))


def answer(question: Question, context: PolicyContext, now: float, account: AccountId | None = None) -> tuple[Explanation, list[str]]:
    """The explanation for an account at `now` (Unix seconds), a line for each unknown model.

    Raises `click.ClickException` when all are unknown.

    Endpoints that only lack a credential come in the order they would be tried in if they had one.
    """
    decisions, unknown = decide_each(question, context, account, now)
    if not decisions:
        raise click.ClickException(_not_found(no_such(question.models, context.catalogue)))
    result = explanation_of(question, decisions, {}, context, account=account, now=now)
    places = _places(question, [decision.model for decision in decisions], context, account, now)
    ordered = (
        msgspec.structs.replace(model, unavailable=tuple(sorted(model.unavailable, key=lambda row: places.get(row.endpoint, len(places)))))
        for model in result.models
    )
    return msgspec.structs.replace(result, models=tuple(ordered)), [_not_found(error) for error in unknown]


def _not_found(error: ModelNotFound) -> str:
    """The text of the error for who is at a command line: what a request is told names a page of the gateway."""
    return f"{error.message.removesuffix(LISTED)}`anyapi catalogue show PROVIDER` lists those of one provider."


def assuming_credentials(context: PolicyContext) -> PolicyContext:
    """The same with a paid credential for every provider that has none."""
    assumed = {
        provider: (Credential(_ASSUMED, provider, tier=Tier.PAID),)
        for provider in context.catalogue.providers
        if not context.credentials.get(provider)
    }
    return msgspec.structs.replace(context, credentials=context.credentials | assumed)


def _places(
    question: Question, models: list[ModelId], context: PolicyContext, account: AccountId | None, now: float
) -> dict[EndpointId, int]:
    """The order of all endpoints that would be permitted with credentials, over all models."""
    assumed = assuming_credentials(context)
    decisions = [decide(question.requirement, model, question.facts, assumed, account, now) for model in models]
    return {
        candidate.endpoint.id: place
        for place, candidate in enumerate(candidate for decision in decisions for candidate in arranged(decision.permitted))
    }


def _question(models: tuple[ModelId, ...], settings: Settings, facts: Facts, config: Config, stored: Stored) -> Question:
    above = [(layer, asked) for (layer, _), asked in stored.layers]
    requirement = merge([(Layer.GATEWAY, config.policy), *above, (Layer.REQUEST, settings)], config.presets)
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
    """With or without what they begin with on the wire. Raises `BadRequest` for a tag nobody knows, listing the known ones."""
    return tags_named(f"{PREFIX}{text.removeprefix(PREFIX)}" for text in texts)
