"""The page Review: an update that loosens something waits for a person, who reads what changed, accepts it, and is named for it."""

import msgspec
from playwright.sync_api import expect
from tests.dashboard.test_every_page import AXE, keep, open_at, serious, settled
from tests.tools.catalogue_site import edited

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.load import load_catalogue
from anyapi.domain.data_policy import Retention, RetentionKind

LOOSE, RENEWED = "cohere", "mistral"


def next_catalogue():
    """Two providers: of one less is kept, of the other nothing but the date of the check is new."""
    found = load_catalogue()
    record, same = found.providers[LOOSE], found.providers[RENEWED]
    policy = msgspec.structs.replace(record.policy, retention=Retention(RetentionKind.ZERO, 0.0))
    dated = msgspec.structs.replace(same.provenance, verified_at=same.provenance.verified_at.replace(year=2027))
    return edited(
        found,
        1,
        **{LOOSE: msgspec.structs.replace(record, policy=policy), RENEWED: msgspec.structs.replace(same, provenance=dated)},
    )


def test_from_an_uploaded_update_to_its_acceptance(owned, tmp_path):
    file = tmp_path / "catalogue.json"
    file.write_bytes(encode(next_catalogue()))
    names = {name: load_catalogue().providers[name].name for name in (LOOSE, RENEWED)}
    with owned.page(reduced_motion="reduce") as page:
        owned.sign_in(page)
        page.get_by_role("link", name="Review", exact=True).click()
        expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
        expect(page.get_by_text("Review first is off")).to_be_visible()
        page.get_by_role("switch", name="Review first").check(force=True)
        page.get_by_role("textbox", name="Remind of a review").fill("90")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("stays denied until an owner or admin accepts it").first).to_be_visible()

        broken = tmp_path / "broken.json"
        broken.write_bytes(file.read_bytes().replace(b'"zero"', b'"limited"', 1))
        page.get_by_label("A compiled catalogue from a file").set_input_files(broken)
        expect(page.get_by_text("it was changed after it was compiled")).to_be_visible()
        page.get_by_label("A compiled catalogue from a file").set_input_files(file)
        expect(page.get_by_text("and in force.").first).to_be_visible()

        loosened = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=names[LOOSE], exact=True))
        expect(loosened).to_contain_text("It keeps nothing; before, it kept content")
        expect(page.get_by_role("heading", name=names[RENEWED], exact=True)).to_have_count(0)
        expect(page.get_by_label("1 unread")).to_be_visible()
        expect(page.get_by_text("1 change waits for you")).to_be_visible()
        settled(page)
        if AXE.exists():
            assert serious(page) == []
        keep(page, "review-waiting")
        open_at(page, 360, 740)
        keep(page, "review-waiting")
        page.set_viewport_size({"width": 1280, "height": 900})

        expect(page.get_by_text("Your settings would permit nothing more.")).to_be_visible()
        page.get_by_role("button", name=f"Accept {names[LOOSE]}").click()
        expect(page.get_by_text("1 change accepted, and in force.")).to_be_visible()
        expect(loosened).to_have_count(0)
        row = page.get_by_role("region", name="Accepted changes").get_by_role("row").filter(has_text=names[LOOSE])
        expect(row).to_contain_text("Ada Lovelace")
        expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
        page.get_by_role("button", name="Mark as read").click()
        expect(page.get_by_label("1 unread")).to_have_count(0)
        page.get_by_role("button", name="I have reviewed").click()
        expect(page.get_by_text("Last reviewed")).to_be_visible()
        keep(page, "review-done")
