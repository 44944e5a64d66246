# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Moves totals from one server to another: two labs with a daemon each, and v2meterctl between them."""

import json
import stat

import pytest

from conftest import daemons_in, lab_in
from support.lab import run, wait_until
from support.small_disk import fill, small_disk_of, start_on
from support.standins import CTL
from support.two_keys import Flood, tx

PORT = 10001
UUID = "6d7e1c4a-0b1f-4b52-9d0e-0f2a4f6f3b11"
GONE = "9b1c2d3e-4f50-4a61-8b72-93a4b5c6d7e8"


def key(key_id, uuid, port):
    return {"id": key_id, "uuid": uuid, "name": f"{key_id}@example.com", "port": port}


OLD_KEYS = [key("first", UUID, PORT), key("gone", GONE, 10002)]
# The same customer (uuid) on another port, with another id.
NEW_KEYS = [key("moved", UUID.upper(), 20001)]


class Server:
    def __init__(self, lab, start):
        self.lab, self.start = lab, start
        self.daemon = None

    def ctl(self, *words, api_key=None):
        daemon = self.daemon
        return run(*self.lab.server.words(CTL, "--url", f"http://127.0.0.1:{daemon.port()}", *words),
                   check=False, env={"V2METER_API_KEY": api_key or daemon.api_key()})

    def flood(self, port, name):
        return Flood(self.lab, port, name).end()["wire_bytes"]

    def history(self, key_id):
        answer = self.daemon.get(f"/api/keys/{key_id}/traffic/history", fresh=True)
        assert answer.status == 200, answer.body
        return answer.json()["data"]

    def days(self, key_id):
        return {date: day["tx_bytes"] for date, day in
                self.history(key_id)["daily_stats"].items()}

    def import_body(self, body):
        return self.daemon.ask("POST", "/api/meter/import", body=body)


@pytest.fixture
def servers(tmp_path):
    directories = [tmp_path / "old", tmp_path / "new"]
    for directory in directories:
        directory.mkdir()
    with lab_in(directories[0]) as old, lab_in(directories[1]) as new, \
            daemons_in(old) as start_old, daemons_in(new) as start_new:
        yield Server(old, start_old), Server(new, start_new)


@pytest.fixture
def pair(servers):
    old, new = servers
    old.daemon = old.start(OLD_KEYS)
    new.daemon = new.start(NEW_KEYS)
    return old, new


@pytest.fixture
def file(pair, tmp_path):
    """Makes the export of the old server, after a reset between two floods."""
    old, _ = pair
    old.closed = old.flood(PORT, "first")
    wait_until(lambda: tx(old.daemon) == old.closed)
    assert old.daemon.reset("first").json()["previous_download"] == old.closed
    old.open = old.flood(PORT, "second")
    old.gone = old.flood(10002, "third")
    path = tmp_path / "totals.json"
    made = old.ctl("export", path)
    assert made.returncode == 0, made.stderr
    assert made.stdout == made.stderr == ""
    return path


def counts(made):
    """Returns the exit status of `v2meterctl --json import`, and what it added, knew and refused."""
    told = json.loads(made.stdout)
    return made.returncode, told["added"], told["known"], told["refused"]


def test_totals_move_to_another_server_once(pair, file):
    old, new = pair
    own = new.flood(20001, "own")
    cached = new.daemon.get("/api/traffic/simple").json()
    assert cached["data"]["ports"]["20001"]["tx_bytes"] == own
    assert counts(new.ctl("--json", "import", file)) == (0, 2, 0, 0)

    def assert_moved(more=0):
        assert tx(new.daemon, 20001) == own + old.open + more
        history = new.history("moved")
        assert history["total_traffic"]["tx_bytes"] == own + old.closed + old.open + more
        assert sum(new.days("moved").values()) == own + old.closed + old.open + more

    now = new.daemon.get("/api/traffic/simple").json()["data"]["ports"]["20001"]
    assert now["tx_bytes"] == own + old.open, "the answer is older than the import"
    assert_moved()
    for _ in range(2):
        assert counts(new.ctl("--json", "import", file)) == (0, 0, 2, 0)
        assert_moved()
        new.daemon.kill()
        new.daemon.start()
        assert_moved()
    assert_moved(new.flood(20001, "later"))
    assert new.daemon.reset("moved").json()["previous_download"] > own + old.open


def test_a_key_that_comes_later_finds_its_totals(pair, file):
    old, new = pair
    assert new.ctl("import", file).returncode == 0
    new.daemon.write_keys(NEW_KEYS + [key("returned", GONE, 20002)])
    wait_until(lambda: "20002" in new.daemon.simple()["data"]["ports"], what="the new key")
    assert tx(new.daemon, 20002) == old.gone
    assert new.history("returned")["total_traffic"]["tx_bytes"] == old.gone


def test_a_later_export_is_refused_and_a_servers_own_too(pair, file):
    old, new = pair
    assert new.ctl("import", file).returncode == 0
    before = tx(new.daemon, 20001)
    old.flood(PORT, "more")
    assert old.ctl("export", file).returncode == 0
    made = new.ctl("--json", "import", file)
    assert counts(made) == (1, 0, 0, 2)
    assert "another export of the same server" in made.stderr
    assert tx(new.daemon, 20001) == before
    made = old.ctl("import", file)
    assert (made.returncode, made.stdout) == (1, "")
    assert "This server wrote the document" in made.stderr


def test_the_file_is_private_whole_and_the_servers_answer(pair, file):
    old, _ = pair
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    document = json.loads(file.read_text())
    assert (document["format"], document["version"]) == ("v2meter-totals", 1)
    assert {entry["subject"] for entry in document["subjects"]} == {UUID, GONE}
    printed = old.ctl("export")
    assert printed.returncode == 0
    assert json.loads(printed.stdout)["subjects"] == document["subjects"]
    assert list(file.parent.glob("totals*")) == [file]


def test_an_export_that_cannot_be_written_leaves_the_old_file(pair, file, tmp_path):
    old, _ = pair
    before = file.read_bytes()
    made = old.ctl("export", file, api_key="wrong")
    assert made.returncode == 1 and "Invalid API key" in made.stderr
    assert file.read_bytes() == before
    assert old.ctl("export", tmp_path / "no" / "such" / "file").returncode == 1
    assert old.ctl("export", tmp_path).returncode == 1
    link = tmp_path / "link"
    link.symlink_to("totals.json")
    assert old.ctl("export", link).returncode == 0
    assert link.is_symlink() and file.read_bytes() != before
    made = old.ctl("export", "/dev/full")
    assert made.returncode == 1 and "No space left" in made.stderr


def test_what_is_no_document_is_refused_with_its_place(pair, file, tmp_path):
    _, new = pair
    text = file.read_text()
    document = json.loads(text)
    document["subjects"][0]["port"] = 70000
    cases = {
        "": r"import:1:1",
        text[:len(text) // 2]: "import:1:",
        "[]": "import:1:1",
        "{}": "format",
        json.dumps(document, indent=1): "expected an integer from 0 to 65535, got 70000",
        text.replace('"version":1', '"version":2'): "version",
    }
    before = new.daemon.simple()["data"]["ports"]["20001"]["total_bytes"]
    bad = tmp_path / "bad.json"
    for content, says in cases.items():
        bad.write_text(content)
        made = new.ctl("import", bad)
        assert (made.returncode, made.stdout) == (1, ""), content
        assert says in made.stderr and "import:" in made.stderr, made.stderr
        assert UUID not in made.stderr
        answer = new.import_body(content)
        assert (answer.status, answer.json()["code"]) == (422, "bad_document")
    assert new.daemon.simple()["data"]["ports"]["20001"]["total_bytes"] == before
    assert counts(new.ctl("--json", "import", file)) == (0, 2, 0, 0)


def test_who_has_not_the_key_imports_nothing(pair, file):
    _, new = pair
    made = new.ctl("import", file, api_key="wrong")
    assert (made.returncode, made.stdout) == (1, "")
    assert "Invalid API key" in made.stderr
    assert tx(new.daemon, 20001) == 0


def test_a_file_that_is_not_there_is_wrong_usage(pair, tmp_path):
    _, new = pair
    made = new.ctl("import", tmp_path / "none")
    assert made.returncode == 2 and "No such file" in made.stderr


def test_an_import_that_does_not_fit_the_disk_changes_nothing(servers, tmp_path):
    old, new = servers
    old.daemon = old.start(OLD_KEYS)
    sent = old.flood(PORT, "first")
    path = tmp_path / "totals.json"
    assert old.ctl("export", path).returncode == 0
    with small_disk_of(new.lab) as disk:
        new.daemon = new.start(NEW_KEYS, running=False, flush_interval_s=3600)
        start_on(disk, new.daemon)
        filler = fill(disk)
        made = new.ctl("import", path)
        assert (made.returncode, made.stdout) == (1, "")
        assert "could not be stored; nothing was changed" in made.stderr
        assert tx(new.daemon, 20001) == 0
        made = new.ctl("export", tmp_path / "other.json")
        assert made.returncode == 1 and "cannot be stored now" in made.stderr
        filler.unlink()
        assert counts(new.ctl("--json", "import", path)) == (0, 2, 0, 0)
        assert tx(new.daemon, 20001) == sent
        assert new.daemon.stop() == 0
