"""Reads one model record and its endpoints. Whether the providers it names exist is checked in `check`."""

from anyapi.catalogue.provider_record import note_protocol
from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import ALIAS, MODEL_ID, PROVIDER_ID, REGION, TEXT, UPSTREAM_MODEL, WORD
from anyapi.domain.catalogue import CHAT_ONLY, Capabilities, Endpoint, Model, Operation, Price, Status
from anyapi.domain.ids import EndpointId, ModelId, ProviderId

_DEAREST = 1_000_000.0
_MOST_TOKENS = 1_000_000_000
_MOST_DIMENSIONS = 1_000_000
_RARE_ABILITIES = ("parallel_tools", "computer_use", "assistant_prefill", "web_search", "url_context")
_OPERATIONS = frozenset(operation.value for operation in Operation)


def read_model(table: Table) -> Model:
    """Read a model; an absent author is the part of the id before the slash, an absent name the part after it."""
    identity = ModelId(table.text("id", MODEL_ID))
    author, _, slug = identity.partition("/")
    model = Model(
        id=identity,
        name=table.text("name", default=slug or identity),
        author=table.text("author", WORD, default=author),
        open_weights=table.flag("open_weights", default=False),
        endpoints=tuple(read_endpoint(entry, identity) for entry in table.children("endpoints")),
        aliases=table.words("aliases", ALIAS),
    )
    table.done()
    return model


def read_endpoint(table: Table, model: ModelId) -> Endpoint:
    """Read one endpoint; its id is `provider/model name at that provider`. `free` defaults to a price of 0."""
    provider = ProviderId(table.text("provider", PROVIDER_ID))
    name = table.text("model", UPSTREAM_MODEL)
    price = _read_price(table.child("price"))
    day = table.day("deprecation_date")
    successor = table.optional_text("successor", MODEL_ID)
    operations = _read_operations(table)
    endpoint = Endpoint(
        id=EndpointId(f"{provider}/{name}"),
        provider=provider,
        model=model,
        upstream_model=name,
        context_length=table.whole("context_length", 1, _MOST_TOKENS),
        max_output_tokens=table.whole("max_output_tokens", 1, _MOST_TOKENS),
        price=price,
        capabilities=_read_capabilities(table.child("capabilities")),
        free=table.flag("free", default=price.input == 0 and price.output == 0),
        status=table.choice("status", Status, Status.ACTIVE),
        region=table.optional_text("region", REGION),
        privacy_mode=table.optional_text("privacy_mode", WORD),
        tier=table.optional_text("tier", WORD),
        deprecation_date=None if day is None else day.isoformat(),
        successor=None if successor is None else ModelId(successor),
        source=table.optional_text("source", TEXT),
        price_source=table.optional_text("price_source", TEXT),
        operations=operations,
        protocol=_read_protocol(table),
        dimensions=table.whole("dimensions", 1, _MOST_DIMENSIONS),
    )
    if endpoint.dimensions is not None and Operation.EMBEDDINGS not in operations:
        table.note("dimensions", "belongs to an endpoint whose `operations` name embeddings")
    table.done()
    return endpoint


def _read_operations(table: Table) -> tuple[Operation, ...]:
    """What the endpoint does, in one order whatever the file's, so that equal records have equal bytes; chat completions if absent."""
    named = table.words("operations", WORD, _OPERATIONS)
    if not table.has("operations"):
        return CHAT_ONLY
    if not named:
        table.note("operations", f"must name at least one of {', '.join(sorted(_OPERATIONS))}, or be left out")
    found = tuple(operation for operation in Operation if operation.value in named)
    return CHAT_ONLY if found == CHAT_ONLY else found


def _read_protocol(table: Table) -> str | None:
    protocol = table.optional_text("protocol", WORD)
    note_protocol(table, protocol or "")
    return protocol


def _read_price(table: Table | None) -> Price:
    if table is None:
        return Price()
    price = Price(
        input=table.number("input", 0.0, _DEAREST),
        output=table.number("output", 0.0, _DEAREST),
        cached_input=table.number("cached_input", 0.0, _DEAREST),
    )
    table.done()
    return price


def _read_capabilities(table: Table | None) -> Capabilities:
    if table is None:
        return Capabilities()
    capabilities = Capabilities(
        vision=table.flag("vision", default=False),
        tools=table.flag("tools", default=False),
        structured_outputs=table.optional_flag("structured_outputs"),
        reasoning=table.flag("reasoning", default=False),
        streaming=table.flag("streaming", default=True),
        pdf_input=table.flag("pdf_input", default=False),
        audio_input=table.flag("audio_input", default=False),
        **{name: table.optional_flag(name) for name in _RARE_ABILITIES},
    )
    table.done()
    return capabilities
