"""An account brings a provider's key and what it signed; and a prompt is sent from the browser, of which nothing is kept."""

import re

from playwright.sync_api import expect

from anyapi.simulator import DEFAULT_PROVIDERS, ClaimedPolicy, ModelSpec, ProviderSpec

KEY, WRONG = "sk-sim-keyed-0123456789abcdef", "sk-sim-keyed-fedcba9876543210"
MODEL = "openai/gpt-4o-mini"
KEYED = ProviderSpec(
    "sim-keyed",
    "Sim Keyed",
    "At sim-keyed everything is kept for thirty days, unless something is signed.",
    models=(ModelSpec(MODEL, "gpt-4o-mini", 9.0, 9.0),),
    policy=ClaimedPolicy("never", "limited", 30, "contract", "no"),
    api_key=KEY,
)
SLOW = ProviderSpec(
    "sim-slow", "Sim Slow", "Slowly.", models=(ModelSpec("acme/slow", "slow", 1.0, 1.0),), policy=ClaimedPolicy("never", "zero", 0, "default", "no"),
    chunk_delay=0.15, words=80,
)  # fmt: skip
PROVIDERS = (*DEFAULT_PROVIDERS, KEYED, SLOW)
ENVIRONMENT = {"SIM_KEYED_KEY": KEY, "ANYAPI_ROOT_KEY": bytes(range(32)).hex()}
ZERO = {"retention_days": 0, "providers": {"only": ["sim-keyed"]}}
CANARY = "The quick brown canary 7c1f sings about plums"


def asked_for_zero_retention(place):
    return place.gateway.chat(model=MODEL, data_policy=ZERO)


def saved(page, button):
    """Press a button that changes something; what follows begins when the call has returned."""
    with page.expect_response(lambda answer: answer.request.method in {"POST", "PUT", "DELETE"}) as answer:
        page.get_by_role("dialog").get_by_role("button", name=button).click()
    assert answer.value.ok, answer.value.text()
    return answer.value


def test_a_key_with_an_agreement_opens_what_was_closed_until_it_is_revoked(owned):
    assert asked_for_zero_retention(owned).status == 403, "the operator's key has no agreement"
    with owned.page(storage_state=owned.session) as page:
        page.goto(owned.url)
        page.get_by_role("link", name="Credentials", exact=True).click()
        expect(page.get_by_text("No key of your own")).to_be_visible()
        expect(
            page.get_by_role("region", name="The operator's credentials").get_by_role("row").filter(has_text="sim-keyed")
        ).to_contain_text("in use")
        page.get_by_role("button", name="Bring a key").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("combobox", name="Provider").click()
        page.get_by_role("option", name="Sim Keyed").click()
        dialog.get_by_label("Key", exact=True).fill(KEY)
        dialog.get_by_label("Name", exact=True).fill("production")
        dialog.get_by_role("switch", name="Something is signed").check(force=True)
        dialog.get_by_label("Document").fill("Order form 17")
        dialog.get_by_role("combobox", name="Retention").click()
        page.get_by_role("option", name=re.compile("zero retention")).click()
        saved(page, "Keep it")
        served = asked_for_zero_retention(owned)
        assert (served.status, served.headers["x-anyapi-provider"]) == (200, "sim-keyed"), "in force when the call returned"
        row = page.get_by_role("row").filter(has_text="production")
        for shown in ("in use", "Keeps nothing", "Order form 17", "attested by Ada Lovelace"):
            expect(row).to_contain_text(shown)
        assert KEY not in page.content()
        page.get_by_role("button", name="Replace production").click()
        page.get_by_role("dialog").get_by_label("Key", exact=True).fill(WRONG)
        saved(page, "Replace the key")
        assert asked_for_zero_retention(owned).status == 502, "the provider does not know the new one"
        expect(row).to_contain_text("replaced once")
        page.get_by_role("button", name="Replace production").click()
        page.get_by_role("dialog").get_by_label("Key", exact=True).fill(KEY)
        saved(page, "Replace the key")
        assert asked_for_zero_retention(owned).status == 200
        page.get_by_role("button", name="Agreements of production").click()
        page.get_by_role("button", name="End Order form 17").click()
        saved(page, "Attest this")
        assert asked_for_zero_retention(owned).status == 403, "nothing is signed any more"
        page.get_by_role("button", name="Revoke production").click()
        saved(page, "Revoke it")
        expect(row).to_contain_text("revoked")
        expect(row.get_by_role("button")).to_have_count(0)
        changes = page.get_by_role("region", name="Who changed what")
        expect(changes.get_by_role("listitem").first).to_contain_text("Ada Lovelace revoked a provider's key")
    written = b"".join(path.read_bytes() for path in owned.gateway.home.rglob("*") if path.is_file())
    assert not any(secret.encode() in written for secret in (KEY, WRONG)), "sealed in the store, and in no log"
    rows = owned.gateway.usage(5)
    assert [bool(row.credential) and row.credential.startswith("own:") for row in rows] == [False, True, True, True, False]


def test_what_cannot_be_kept_is_explained_where_it_was_entered(owned):
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/credentials")
        page.get_by_role("button", name="Bring a key").first.click()
        dialog = page.get_by_role("dialog")
        provider = dialog.get_by_role("combobox", name="Provider")
        provider.fill("sim keyed")  # by its name, and no click in the list
        provider.press("Tab")
        expect(provider).to_have_value("Sim Keyed")
        dialog.get_by_label("Key", exact=True).fill("changeme")
        dialog.get_by_role("button", name="Keep it").click()
        expect(dialog.get_by_role("alert")).to_contain_text("is a placeholder, not a key")


def prompt(page, key, text, model=None):
    page.get_by_label("API key", exact=True).fill(key)
    if model is not None:
        page.get_by_role("combobox", name="Model").click()
        page.get_by_role("combobox", name="Model").fill(model)
        page.get_by_role("option", name=model).click()
    page.get_by_label("Prompt").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_prompt_is_answered_with_its_receipt_and_nothing_of_it_is_kept(owned):
    before = len(owned.gateway.usage())
    with owned.page(storage_state=owned.session) as page:
        page.goto(owned.url)
        page.get_by_role("link", name="Playground").click()
        prompt(page, owned.gateway.key, CANARY, MODEL)
        answer = page.get_by_role("article", name="Answer 1")
        expect(answer.get_by_test_id("answer")).not_to_be_empty()
        (row,) = owned.gateway.usage(before + 1)[before:]
        receipt = answer.get_by_label("Receipt line")
        for shown in (row.provider, row.endpoint, row.decision, "training not forbidden", "kept for any time"):
            expect(receipt).to_contain_text(shown)
        expect(answer).to_contain_text(f"{row.tokens.completion} out")
        assert row.streamed
        page.get_by_text("What this request asks itself").click()
        page.get_by_role("switch", name="Nobody may train on what we send").check(force=True)
        page.get_by_label("Prompt").fill("And now?")
        page.keyboard.press("Control+Enter")
        second = page.get_by_role("article", name="Answer 2").get_by_label("Receipt line")
        expect(second).to_contain_text("no training")
        expect(second).to_contain_text("Never trains on it")
        page.get_by_role("switch", name="Only certain providers").check(force=True)
        page.get_by_label("Prompt").fill("And with nobody left?")
        page.keyboard.press("Control+Enter")
        third = page.get_by_role("article", name="Answer 3")
        expect(third).to_contain_text("Refused by policy.")
        expect(third.get_by_label("Receipt line")).to_contain_text("nobody: nothing was sent")
        third.get_by_text("Why each of").click()
        expect(third).to_contain_text("sim-zero: ")
        # The receipt leads to what is kept of the request: metadata.
        receipt.get_by_role("link", name=row.decision).click()
        expect(page.get_by_role("heading", name="One request")).to_be_visible()
        expect(page.get_by_text(f"It went to {row.provider}")).to_be_visible()
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
        assert owned.gateway.key not in kept
        assert CANARY not in kept
        page.go_back()
        expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
        expect(page.get_by_label("API key", exact=True)).to_have_value("")
    written = b"".join(path.read_bytes() for path in owned.gateway.home.rglob("*") if path.is_file())
    assert row.decision.encode() in written, "the store was looked at"
    assert CANARY.encode() not in written


def test_an_answer_comes_as_it_is_made_and_can_be_stopped(owned):
    before = len(owned.gateway.usage())
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/playground?model=acme%2Fslow")
        prompt(page, "anyapi_sk_nonsense", "Tell me slowly")
        expect(page.get_by_role("article", name="Answer 1")).to_contain_text("Paste a key that is active")
        page.get_by_role("button", name="Start over").click()
        prompt(page, owned.gateway.key, "Tell me slowly")
        text = page.get_by_test_id("answer")
        expect(text).to_contain_text("Slowly")
        early = text.inner_text()
        expect(page.get_by_label("Receipt line")).to_contain_text("sim-slow")
        expect(text).not_to_have_text(early)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("You stopped it here.")).to_be_visible()
        stopped = len(text.inner_text().split())
        assert 0 < stopped < SLOW.words
    (row,) = owned.gateway.usage(before + 1)[before:]
    assert (row.model, str(row.outcome)) == ("acme/slow", "client_gone")


def test_a_model_that_is_typed_is_the_one_that_is_asked_or_nothing_is_sent(owned):
    before = len(owned.gateway.usage())
    with owned.page(storage_state=owned.session) as page:
        page.goto(f"{owned.url}/a/default/playground")
        page.get_by_label("API key", exact=True).fill(owned.gateway.key)
        page.get_by_label("Prompt").fill("Hello")
        field, send = page.get_by_role("combobox", name="Model"), page.get_by_role("button", name="Send")
        expect(send).to_be_enabled()
        field.fill("anthropic/claude-3.5-sonne")
        expect(send).to_be_disabled()
        field.press("Tab")
        expect(field).to_have_value("anthropic/claude-3.5-sonne")
        expect(page.get_by_text("“anthropic/claude-3.5-sonne” is not on the list.")).to_be_visible()
        expect(field).to_have_attribute("aria-invalid", "true")
        page.get_by_label("Prompt").press("Control+Enter")
        expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
        field.fill(" Anthropic/Claude-3.5-Sonnet")
        field.press("Tab")
        expect(field).to_have_value("anthropic/claude-3.5-sonnet")
        send.click()
        expect(page.get_by_label("Receipt line")).to_be_visible()
        page.goto(f"{owned.url}/a/default/playground?model=no%2Fsuch")
        expect(page.get_by_role("combobox", name="Model")).to_have_attribute("aria-invalid", "true")
    (row,) = owned.gateway.usage(before + 1)[before:]
    assert row.model == "anthropic/claude-3.5-sonnet"


def test_only_the_dashboards_own_pages_may_call(owned):
    def allowed(origin):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        return owned.gateway.request("OPTIONS", "/v1/chat/completions", headers=headers).headers.get("access-control-allow-origin")

    port = owned.url.rsplit(":", 1)[1]
    assert allowed(owned.url) == owned.url
    assert allowed(f"http://localhost:{port}") == f"http://localhost:{port}"
    for other in (
        "https://evil.example",
        f"http://127.0.0.1:{int(port) + 1}",
        f"https://127.0.0.1:{port}",
        "null",
        f"{owned.url}.evil.example",
    ):
        assert allowed(other) is None, other
