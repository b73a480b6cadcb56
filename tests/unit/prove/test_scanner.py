"""The scanner finds every form of a canary in every kind of sink, and nothing where there is none."""

import base64
import gzip
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
import zlib

import pytest

from anyapi.prove.scanner import FILE_CHUNK, MEMORY_CHUNK, Mint, Scanner

ENCODINGS = {
    "plain": lambda c: c.encode(),
    "upper": lambda c: c.upper().encode(),
    "base64+0": lambda c: base64.b64encode(c.encode() + b" and more"),
    "base64+1": lambda c: base64.b64encode(b"x" + c.encode() + b" and more"),
    "base64+2": lambda c: base64.urlsafe_b64encode(b"\xff\xfe" + c.encode()),
    "json-escaped": lambda c: "".join(f"\\u{ord(letter):04x}" for letter in c).encode(),
    "json-escaped-twice": lambda c: json.dumps("".join(f"\\u{ord(letter):04x}" for letter in c)).encode(),
    "backslash-x": lambda c: "".join(f"\\x{ord(letter):02x}" for letter in c).encode(),
    "url-encoded": lambda c: "".join(f"%{ord(letter):02X}" for letter in c).encode(),
    "hex": lambda c: c.encode().hex().encode(),
    "utf-16": lambda c: f"é{c}é".encode("utf-16-le"),
    "utf-32": lambda c: f"é{c}é".encode("utf-32-be"),
    "gzip:plain": lambda c: gzip.compress(f"the prompt {c} ends".encode()),
    "gzip:base64+1": lambda c: gzip.compress(base64.b64encode(b"x" + c.encode())),
    "zlib:plain": lambda c: zlib.compress(f"the prompt {c} ends".encode()),
    "base64+0, in lines": lambda c: b"\r\n".join(base64.b64encode(c.encode())[at : at + 10] for at in range(0, 32, 10)),
}
NOISE = hashlib.shake_256(b"noise").digest(50_000)


@pytest.fixture
def canary():
    return Mint().new()


def found(hits, canary):
    return {hit.form for hit in hits if hit.canary == canary}


@pytest.mark.parametrize("form", ENCODINGS)
def test_every_form_is_found_in_bytes_at_its_offset(form, canary):
    planted = NOISE + ENCODINGS[form](canary)
    hits = [hit for hit in Scanner([canary]).scan_bytes(planted + NOISE) if hit.form == form]
    assert len(hits) == 1
    assert hits[0].canary == canary
    assert len(NOISE) <= hits[0].offset < len(planted)


@pytest.mark.parametrize("form", ENCODINGS)
def test_every_form_is_found_in_a_tree(form, canary, tmp_path):
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    (folder / "trace.log").write_bytes(NOISE + ENCODINGS[form](canary) + NOISE)
    (tmp_path / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    hits = Scanner([canary]).scan_tree(tmp_path)
    assert form in found(hits, canary)
    assert {hit.sink for hit in hits} == {str(folder / "trace.log")}


@pytest.mark.parametrize("form", ENCODINGS)
def test_every_form_is_found_in_process_memory(form, canary):
    code = "import sys; kept = bytearray(sys.stdin.buffer.read()); print('ready', flush=True); import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            child.stdin.write(ENCODINGS[form](canary) + NOISE)
            child.stdin.close()
            assert child.stdout.readline() == b"ready\n"
            scanner = Scanner([canary])
            assert form in found(scanner.scan_process(child.pid), canary)
            assert sum(scanner.scanned.values()) > 1 << 20
        finally:
            child.kill()


@pytest.mark.parametrize("where", ["environ", "cmdline"])
def test_environment_and_arguments_are_scanned(where, canary):
    arguments = [sys.executable, "-c", "print('ready', flush=True); input()", canary if where == "cmdline" else ""]
    environment = {"LEAK": canary} if where == "environ" else {}
    child = subprocess.Popen(arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"ready\n"
        hits = Scanner([canary]).scan_process(child.pid)
    finally:
        child.communicate(b"\n")
    assert f"{where} of {child.pid}" in {hit.sink for hit in hits}


def test_a_file_name_is_a_sink(canary, tmp_path):
    (tmp_path / f"crash-{canary}.txt").write_bytes(b"")
    (tmp_path / f"folder-{canary}").mkdir()
    assert len(Scanner([canary]).scan_tree(tmp_path)) == 2


@pytest.mark.parametrize("value", ["text", "blob"])
def test_sqlite_value_split_over_pages(value, canary, tmp_path):
    path = tmp_path / "usage.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA page_size = 512")
    database.execute('CREATE TABLE "odd ""name" (v)')
    # An overflow page of 512 bytes holds 508 of the value, so a text this long puts every 24 bytes on a border somewhere.
    long = ("-" * 20).join([canary] * 200)
    database.execute('INSERT INTO "odd ""name" VALUES (?)', [long if value == "text" else long.encode()])
    database.commit()
    database.close()
    hits = Scanner([canary]).scan_file(path)
    assert len([hit for hit in hits if hit.sink == f'{path}: table odd "name']) == 200
    assert 0 < len([hit for hit in hits if hit.sink == str(path)]) < 200


def test_sqlite_rows_that_are_still_in_the_wal(canary, tmp_path):
    path = tmp_path / "usage.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE t (v)")
    database.execute("INSERT INTO t VALUES (?)", [canary])
    database.commit()
    sinks = {hit.sink for hit in Scanner([canary]).scan_tree(tmp_path)}
    database.close()
    assert sinks == {f"{path}-wal", f"{path}: table t"}


def test_a_broken_database_is_still_scanned_as_bytes(canary, tmp_path):
    path = tmp_path / "broken.db"
    path.write_bytes(b"SQLite format 3\0" + NOISE + canary.encode())
    assert found(Scanner([canary]).scan_file(path), canary) == {"plain"}


@pytest.mark.parametrize("form", ENCODINGS)
@pytest.mark.parametrize("before", [0, 3 * 4096 - 5, 4096, 8191, 70_000])
def test_pages_of_zeros_around_it_hide_nothing(form, before, canary):
    planted = ENCODINGS[form](canary)
    hits = [hit for hit in Scanner([canary]).scan_bytes(bytes(before) + planted + bytes(20_000)) if hit.form == form]
    assert [before <= hit.offset < before + len(planted) for hit in hits] == [True]


def test_a_stream_that_holds_pages_of_zeros_is_unpacked_whole(canary):
    planted = NOISE + zlib.compress(bytes(50_000) + base64.b64encode(canary.encode()), 0) + bytes(10_000)
    assert ("zlib:base64+0", len(NOISE)) in {(hit.form, hit.offset) for hit in Scanner([canary]).scan_bytes(planted)}


def test_a_canary_on_the_border_of_two_chunks(canary):
    scanner = Scanner([canary])
    cut = canary.encode()
    hits = scanner._scan_stream([b"." * 100_000 + cut[:7], cut[7:] + b"." * 100_000], "stream", base=1000)
    assert [(hit.offset, hit.form) for hit in hits] == [(101_000, "plain")]
    assert scanner.scanned == {"stream": 200_024}
    assert FILE_CHUNK > MEMORY_CHUNK > 100_000


def test_a_missing_place_is_an_error_and_not_a_clean_result(canary, tmp_path):
    scanner = Scanner([canary])
    with pytest.raises(NotADirectoryError):
        scanner.scan_tree(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        scanner.scan_process(2**30)
    assert scanner.scan_file(tmp_path / "vanished") == []
    assert scanner.scanned == {}


def test_canaries_of_one_mint_are_told_apart():
    mint = Mint()
    canaries = [mint.new() for _ in range(500)]
    assert len({*canaries}) == 500
    assert all(len(canary) == 24 and int(canary, 16) for canary in canaries)
    planted = b" ".join(base64.b64encode(canary.encode()) for canary in canaries[::2])
    assert {hit.canary for hit in Scanner(canaries).scan_bytes(planted)} == set(canaries[::2])


def test_a_key_is_a_canary_too_and_a_digest_can_be_watched():
    key = "anyapi_sk_" + "aB3/+" * 6
    scanner = Scanner([key])
    digest = hashlib.sha256(key.encode()).digest()
    scanner.watch(key, "sha256", digest)
    scanner.watch(key, "sha256 in hex", digest.hex().encode())
    planted = b"%s %s %s" % (digest, digest.hex().encode(), base64.urlsafe_b64encode(key.encode()))
    assert found(scanner.scan_bytes(planted), key) == {"sha256", "sha256 in hex", "base64+0"}
    with pytest.raises(ValueError, match="at least 12"):
        Scanner(["short"])


def test_nothing_is_found_where_nothing_was_planted_and_100_mb_are_fast():
    mint = Mint()
    canaries = [mint.new() for _ in range(1000)]
    data = hashlib.shake_256(b"other").digest(1 << 20) * 100
    begun = time.process_time()
    assert Scanner(canaries).scan_bytes(data) == []
    assert time.process_time() - begun < 20
