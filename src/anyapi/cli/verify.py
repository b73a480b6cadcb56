"""`anyapi verify`: verify a receipt, offline, and say in words what it proves. Reads the file and nothing else."""

import datetime as dt
import hmac
from collections.abc import Iterator
from pathlib import Path

import click

from anyapi.audit.commitment import begun, commitment
from anyapi.audit.notes import PublicKey
from anyapi.audit.receipts import LARGEST, Receipt, earlier_endpoints, used_endpoint, verify_receipt
from anyapi.cli.output import print_json
from anyapi.domain.decision import AVAILABILITY
from anyapi.errors import AuditError


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option("--key", "key_text", metavar="NAME+ID+KEY", help="The key that must have signed it (`anyapi audit key`).")
@click.option(
    "--body", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The body that was sent, byte for byte; with --salt."
)
@click.option("--salt", metavar="HEX", help="The X-AnyAPI-Commitment-Salt that was sent with it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(file: Path, key_text: str | None, body: Path | None, salt: str | None, as_json: bool) -> None:
    """Verify the receipt in FILE: what `GET /v1/receipts/{decision}` answered, byte for byte."""
    with click.open_file(str(file), "rb") as opened:
        text = opened.read(LARGEST + 2)
    try:
        key = None if key_text is None else PublicKey.parse(key_text)
    except AuditError as error:
        raise click.BadParameter(str(error), param_hint="--key") from None
    try:
        receipt = verify_receipt(text, key)
        _verify_body(receipt, body, salt)
    except AuditError as error:
        raise click.ClickException(f"NOT VERIFIED: {error}") from None
    if as_json:
        print_json(_shown(receipt, known=key is not None, body=body is not None))
        return
    for line in lines(receipt) + ["the body is the one that was sent"] * (body is not None):
        click.echo("".join(each if each.isprintable() else "?" for each in line))
    if key is None:
        click.echo(f"Signed with the key of fingerprint {receipt.key.fingerprint}", err=True)
        click.echo(
            "Compare it with the fingerprint that the operator publishes, or name the key with --key: anybody can make a key.", err=True
        )


def _verify_body(receipt: Receipt, body: Path | None, salt: str | None) -> None:
    """Raise `AuditError` if a body is named that is not the one which the request's entry commits to."""
    if body is None or salt is None:
        if body is not None or salt is not None:
            raise click.UsageError("--body and --salt belong together: a commitment is to a body under a salt.")
        return
    committed = receipt.request.get("commitment")
    if not isinstance(committed, str):
        raise AuditError("there is no commitment to a body in it: the request did not ask for one (X-AnyAPI-Commitment-Salt)")
    try:
        key = bytes.fromhex(salt)
    except ValueError:
        raise AuditError("the salt is not hex") from None
    found = commitment(begun(key, body.read_bytes()), receipt.decision)
    if not hmac.compare_digest(found, committed):
        raise AuditError("this is not the body that was sent under this salt")


def lines(receipt: Receipt) -> list[str]:
    """What a receipt proves, one line each."""
    request, ruling, used, earlier = receipt.request, receipt.ruling, used_endpoint(receipt), earlier_endpoints(receipt)
    found = [f"verified: decision {receipt.decision}, in the log {receipt.checkpoint.origin} of {receipt.checkpoint.size} entries"]
    if receipt.record:
        found.append("a decision record was durable before anything was sent")
    if not request:
        return [*found, "how the request ended was not recorded"]
    found.append(f"{_date(request.get('at'))}: {request.get('operation')} of {request.get('model')}: {request.get('outcome')}")
    tokens = f"{request.get('prompt', 0)} prompt and {request.get('completion', 0)} completion tokens ({request.get('source')})"
    found.append(f"{request.get('attempts', 0)} upstream calls, {tokens}")
    found.append(f"requirement {ruling.get('requirement')}, catalogue {ruling.get('catalogue')}")
    if used and request.get("sent") == []:
        found.append(f"nothing was sent: no connection was made to {used.get('endpoint')}")
    elif used:
        found.append(f"endpoint {_told(used)}")
        found += [f"sent before to {_told(each)}" for each in earlier]
        found += _copies(request, [used, *earlier])
    return [*found, *_left_out(ruling)]


def _left_out(ruling: dict[str, object]) -> Iterator[str]:
    """What the policy denied, then what it permitted and could not be used: the two are kept apart everywhere."""
    unusable = []
    for each in _denied(ruling):
        codes = [str(code) for code in _items(each.get("reasons"))]
        policy = [code for code in codes if code not in AVAILABILITY]
        if policy or not codes:
            yield f"denied {each.get('endpoint')}: {', '.join(policy)}"
        else:
            unusable.append(f"permitted by policy and not usable {each.get('endpoint')}: {', '.join(codes)}")
    yield from unusable


def _copies(request: dict[str, object], sent: list[dict[str, object]]) -> Iterator[str]:
    """Until when what was sent is kept, and whether it was trained on, which ends with no copy."""
    if "copy_until" in request:
        whose = "the last provider's copy" if len(sent) > 1 else "the provider's copy"
        yield f"{whose} should be gone: {_until(request['copy_until'])}"
    if "flagged_until" in request:
        yield f"its copy of flagged content: {_until(request['flagged_until'])}"
    trained = [str(each.get("endpoint")) for each in sent if each.get("training") != "never"]
    if trained:
        yield f"{', '.join(trained)} may train on what was sent, and that does not end with the copy"


def _told(endpoint: dict[str, object]) -> str:
    """An endpoint with what it does about training, and the grade and the source of its facts."""
    source = f", source {endpoint['source_url']}" if "source_url" in endpoint else ""
    facts = f"facts {endpoint.get('grade')}, {endpoint.get('retention_confidence')}{source}"
    return f"{endpoint.get('endpoint')}: training {endpoint.get('training')}; {facts}"


def _denied(ruling: dict[str, object]) -> list[dict[str, object]]:
    return [each for each in _items(ruling.get("denied")) if isinstance(each, dict)]


def _items(value: object) -> list[object]:
    """A list, whatever somebody with a key of his own put there."""
    return value if isinstance(value, list) else []


def _shown(receipt: Receipt, *, known: bool, body: bool) -> dict[str, object]:
    return {
        "verified": True,
        "decision": receipt.decision,
        "request": receipt.request,
        "ruling": receipt.ruling,
        "record": receipt.record,
        "log": receipt.checkpoint.origin,
        "size": receipt.checkpoint.size,
        "key": str(receipt.key),
        "fingerprint": receipt.key.fingerprint,
        "key_was_given": known,
        "body_was_compared": body,
    }


def _until(value: object) -> str:
    return "no end is known" if value is None else _date(value)


def _date(value: object) -> str:
    """Unix milliseconds as a date in UTC."""
    if not isinstance(value, int) or not 0 <= value < 253_402_300_800_000:
        return "?"
    return dt.datetime.fromtimestamp(value / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
