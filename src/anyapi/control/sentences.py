"""What changed about a record, in plain sentences: the same in dashboard, command line and e-mail. Judges nothing."""

import datetime as dt
from collections.abc import Iterable, Iterator

from anyapi.catalogue.subjects import ENDPOINT, PROVIDER, Record, Subject
from anyapi.domain.catalogue import Catalogue, Endpoint, Provider, Status
from anyapi.domain.data_policy import HumanReview, PolicyBlock, Provenance, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.ids import ProviderId
from anyapi.policy.rules import describe

TRAINING = {
    Training.NEVER: "does not train on what is sent",
    Training.OPT_OUT: "trains on what is sent unless opted out",
    Training.BY_DEFAULT: "trains on what is sent",
    Training.UNKNOWN: "says nothing about training",
}
REVIEW = {
    HumanReview.NO: "nobody there reads content",
    HumanReview.YES: "people there may read content",
    HumanReview.UNKNOWN: "it is not known whether people there read content",
}
ZERO = {
    ZeroRetention.DEFAULT: "by default",
    ZeroRetention.SELF_SERVE: "by a setting of one's own",
    ZeroRetention.APPROVAL: "after approval",
    ZeroRetention.CONTRACT: "by contract",
    ZeroRetention.NO: "not at all",
    ZeroRetention.UNKNOWN: "in no known way",
}


def title(subject: Subject, catalogue: Catalogue) -> str:
    """What a subject is, in words."""
    if subject.startswith(PROVIDER):
        return _name(ProviderId(subject.removeprefix(PROVIDER)), catalogue)
    provider, _, model = subject.removeprefix(ENDPOINT).partition("/")
    return f"{model} at {_name(ProviderId(provider), catalogue)}"


def _name(provider: ProviderId, catalogue: Catalogue) -> str:
    found = catalogue.providers.get(provider)
    return provider if found is None else found.name


def sentences(before: Record | None, after: Record | None) -> tuple[str, ...]:
    """Every difference that a rule could look at."""
    if after is None:
        return ("It is not in the catalogue any more.",)
    if isinstance(after, Provider):
        return tuple(_provider(before if isinstance(before, Provider) else None, after))
    return tuple(_endpoint(before if isinstance(before, Endpoint) else None, after))


def _provider(before: Provider | None, after: Provider) -> Iterator[str]:
    if before is None:
        yield "It is new."
        yield from (f"{line[0].upper()}{line[1:]}." for line in _block(after.policy))
        if after.certifications:
            yield f"It states {', '.join(sorted(after.certifications))}."
        return
    yield from _facts(before.policy, after.policy, "")
    if before.free_tier != after.free_tier:
        if before.free_tier and after.free_tier:
            yield from _facts(before.free_tier, after.free_tier, "On the free tier: ")
        else:
            yield (
                "It has a free tier with facts of its own now."
                if after.free_tier
                else "It has no free tier with facts of its own any more."
            )
    yield from _sets("certifications", before.certifications, after.certifications)
    yield from _sets("regions of inference", before.regions, after.regions)
    yield from _sets("regions where data is kept", before.storage_regions, after.storage_regions)
    if before.exceptions != after.exceptions:
        yield f"Its exceptions changed: there are {len(after.exceptions)} now, there were {len(before.exceptions)}. Its page lists them."
    yield from _known(before.provenance, after.provenance)


def _block(block: PolicyBlock) -> Iterator[str]:
    yield f"it {TRAINING[block.training]}"
    yield f"it {_keeps(block.retention)}"
    yield REVIEW[block.human_review]


def _facts(before: PolicyBlock, after: PolicyBlock, where: str) -> Iterator[str]:
    if before.training != after.training:
        yield f"{where}It {TRAINING[after.training]}; before, it {_past(TRAINING[before.training])}."
    if before.retention != after.retention and describe(before.retention) != describe(after.retention):
        yield f"{where}It {_keeps(after.retention)}; before, it {_past(_keeps(before.retention))}."
    if before.zero_retention != after.zero_retention:
        yield f"{where}Zero retention can be had {ZERO[after.zero_retention]}; before: {ZERO[before.zero_retention]}."
    if before.human_review != after.human_review:
        now = REVIEW[after.human_review]
        yield f"{where}{now[0].upper()}{now[1:]}; before: {REVIEW[before.human_review]}."


def _keeps(retention: Retention) -> str:
    return "keeps nothing" if retention.kind is RetentionKind.ZERO else f"keeps content {describe(retention)}"


def _past(words: str) -> str:
    for now, then in (("does not", "did not"), ("trains", "trained"), ("says", "said"), ("keeps", "kept")):
        words = words.replace(now, then)
    return words


def _sets(what: str, before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    gone, come = {*before} - {*after}, {*after} - {*before}
    if come:
        yield f"New among its {what}: {', '.join(sorted(come))}."
    if gone:
        yield f"No longer among its {what}: {', '.join(sorted(gone))}."


def _known(before: Provenance, after: Provenance) -> Iterator[str]:
    if before.confidence != after.confidence:
        yield f"The facts are known with confidence {after.confidence.value}; before: {before.confidence.value}."
    if {*before.secondary_fields} != {*after.secondary_fields}:
        yield "Which of its facts rest on a third party changed."
    if before.verified_at != after.verified_at and after.verified_at is not None:
        yield f"The record was checked on {after.verified_at}; before: {_day(before.verified_at)}."
    if before.valid_until != after.valid_until:
        yield f"The record says that it is good until {_day(after.valid_until)}; before: {_day(before.valid_until)}."


def _day(day: dt.date | None) -> str:
    return "no date" if day is None else day.isoformat()


def _endpoint(before: Endpoint | None, after: Endpoint) -> Iterator[str]:
    if before is None:
        yield f"It is new: {after.model}."
        return
    nowhere = "no stated region"
    found = {
        f"It is {after.model} now; before: {before.model}.": before.model != after.model,
        "The provider's own name for it changed.": before.upstream_model != after.upstream_model,
        f"It is in {after.region or nowhere} now; before: {before.region or nowhere}.": before.region != after.region,
        "It is free now." if after.free else "It is no longer free.": before.free != after.free,
        "Its privacy mode or tier changed.": (before.privacy_mode, before.tier) != (after.privacy_mode, after.tier),
        "It was retired and is served again.": before.status is Status.RETIRED and after.status is not Status.RETIRED,
    }
    yield from (sentence for sentence, holds in found.items() if holds)
