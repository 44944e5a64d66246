# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""v2meterctl as people and scripts use it: options, exit statuses, tables, JSON, terminals."""

import json
import os
import pty
import re
import select
import subprocess
import unicodedata

import pytest

from support.standins import API_KEY, CTL, Key, StandIn, closed_port, ctl

pytestmark = pytest.mark.skipif(not CTL.exists(), reason=f"{CTL} is not built")

def flow(size):
    """The figures of a program in one direction, as GET /api/meter/status has them."""
    parts = {"seen": 3 * size, "keys": size, "loopback": 0, "unattributed": 0, "too_deep": 0,
             "foreign": 0, "everything_else": 2 * size}
    return {**{name: {"packets": 9, "bytes": part} for name, part in parts.items()},
            "residual_bytes": 0}


METER = {"status": "degraded", "version": "0.1.0", "detail": None,
         "accounting": {"mode": "ebpf", "exact": True}, "total_keys": 4,
         "devices": [{"name": name, "attach": "tcx", "loopback": False, "repairs": repairs,
                      "ingress": flow(1 << 30), "egress": flow(1 << 20)}
                     for name, repairs in (("eth0", 0), ("wan.7", 2))],
         "key_sources": [{"path": "/etc/v2meter/keys.json", "kind": "key file", "keys": 2,
                          "error": None},
                         {"path": "/etc/xray", "kind": "V2Ray configuration", "keys": 0,
                          "error": "line 3: \x1b[31mno port"}],
         "key_notes": [{"file": "/etc/xray/a.json", "line": 7, "column": 3, "member": "inbounds[1]",
                        "reason": "it listens on no port", "missing": True},
                       {"file": "/etc/xray/b.toml", "line": 0, "column": 0, "member": "",
                        "reason": "a \x1b remark", "missing": False}],
         "more_key_notes": 3,
         "later": {"deep": {"er": {"still": {"more": [1, {"x": "\x1b"}]}}}, "none": []}}


def keys():
    return [Key(1, "small", 10001, rx=1, tx=2, connections=1),
            Key(2, "large", 10002, rx=5 << 30, tx=1 << 20, connections=12),
            Key(3, "switched-off", 10003, active=False),
            Key(4, "homeless")]


def on_a_terminal(*words, url, env=None):
    """Runs it with a pty as standard output, and returns what a person at the terminal sees."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm",
                   "V2METER_API_KEY": API_KEY, **(env or {})}
    master, terminal = pty.openpty()
    with subprocess.Popen([str(CTL), "--url", url, *words], stdout=terminal, env=environment,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        os.close(terminal)
        shown = b""
        while select.select([master], [], [], 30)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO means that the other side is closed
                break
            shown += data
        assert process.wait(30) == 0, process.stderr.read()
    os.close(master)
    return shown.decode()


def columns(text):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("words", (
    (), ("dance",), ("show",), ("reset",), ("show", "a", "b"), ("status", "x"), ("keys", "x"),
    ("show", ""), ("import",), ("import", ""), ("import", "a", "b"), ("export", "a", "b"),
    ("import", "/nonexistent/totals"), ("--frobnicate", "status"), ("--timeout", "0", "status"),
    ("--timeout", "nan", "status"), ("--timeout", "5x", "status"), ("--url",),
    ("--url", "ftp://127.0.0.1/", "status"), ("--url", "http://", "status"),
    ("--api-key-file", "/nonexistent/key", "status")))
def test_wrong_usage_is_status_2_and_says_what_is_wrong(words):
    run = ctl(*words)
    assert run.returncode == 2
    assert run.stdout == "" and run.stderr.count("\n") == 1


def test_help_and_version_are_status_0():
    assert "show KEY" in ctl("--help").stdout
    assert re.fullmatch(r"v2meterctl \d+\.\d+\.\d+\n", ctl("--version").stdout)
    assert ctl("--help").returncode == ctl("--version").returncode == 0


@pytest.mark.parametrize("command", (("status",), ("keys",), ("show", "1"), ("reset", "1"),
                                     ("export",), ("import", __file__)))
def test_no_server_is_status_3(command):
    with closed_port() as url:
        run = ctl(*command, url=url)
    assert run.returncode == 3
    assert run.stdout == "" and f"cannot reach {url}" in run.stderr


@pytest.mark.parametrize("command", (("status",), ("keys",), ("show", "small"), ("reset", "small")))
def test_a_wrong_api_key_is_status_1_with_the_servers_detail(command):
    with StandIn(keys()) as server:
        run = ctl(*command, url=server.url, key="wrong")
        assert run.returncode == 1
        assert run.stderr == ("v2meterctl: Invalid API key. Use X-API-Key header with the correct "
                              "key.\n")
        assert run.stdout == ""


@pytest.mark.skipif(os.path.exists("/var/lib/v2meter/api_key"), reason="there is an API key to send")
@pytest.mark.parametrize("command", (("status",), ("show", "small"), ("export",)))
def test_who_sends_no_api_key_is_told_where_one_can_come_from(command):
    with StandIn(keys()) as server:
        run = ctl(*command, url=server.url, key=None)
        assert run.returncode == 1
        assert run.stderr.splitlines()[1:] == [
            "v2meterctl: no API key was sent: give one with --api-key-file or V2METER_API_KEY"]


@pytest.mark.parametrize("fault, status", (
    ("timeout", 4), ("close midway", 4), ("garbage", 4), ("wrong shape", 4), ("502", 4),
    ("html", 3), ("404", 1), ("503", 1)))
def test_an_import_whose_outcome_is_not_known_is_status_4(fault, status):
    with StandIn(faults={"/api/meter/import": fault}) as server:
        run = ctl("--timeout", "2", "import", __file__, url=server.url)
        assert run.returncode == status, run.stderr
        assert run.stdout == ""
        assert ("importing the same file again is safe" in run.stderr) == (status == 4)
        assert server.paths("POST") == ["/api/meter/import"]


@pytest.mark.parametrize("fault", ("cut json", "close midway", "html", "wrong shape", "500"))
def test_an_export_that_is_not_whole_writes_nothing(fault, tmp_path):
    with StandIn(faults={"/api/meter/export": fault}) as server:
        run = ctl("export", str(tmp_path / "totals"), url=server.url)
        assert run.returncode in (1, 3), run.stderr
        assert run.stdout == "" and run.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_written_is_no_success():
    with StandIn(keys()) as server, open("/dev/full", "w") as full:
        run = subprocess.run([str(CTL), "--url", server.url, "keys"], stdout=full,
                             stderr=subprocess.PIPE, env={"V2METER_API_KEY": API_KEY}, timeout=60)
        assert run.returncode == 1 and b"cannot write" in run.stderr


def test_the_api_key_comes_from_the_file_before_the_environment(tmp_path):
    file = tmp_path / "key"
    with StandIn(keys()) as server:
        file.write_text(API_KEY + "\n")
        assert ctl("--api-key-file", str(file), "keys", url=server.url, key="wrong").returncode == 0
        file.write_text("wrong")
        assert ctl("-k", str(file), "keys", url=server.url).returncode == 1
        requests = len(server.requests)
        for bad in ("", "\n", "two\nlines"):
            file.write_text(bad)
            assert ctl("-k", str(file), "keys", url=server.url).returncode == 2
        assert len(server.requests) == requests


def test_a_key_is_found_by_id_uuid_name_or_port():
    with StandIn(keys()) as server:
        wanted = server.keys[1]
        for name in (wanted.id, wanted.uuid, wanted.uuid.upper(), wanted.name, "10002"):
            run = ctl("--json", "show", name, url=server.url)
            assert run.returncode == 0, run.stderr
            assert json.loads(run.stdout)["key"]["id"] == wanted.id


def test_an_id_is_preferred_to_a_name_and_port():
    first, second = Key(1, "10002", 10001, rx=1), Key(2, "x", 10002, rx=2)
    first.id = "x"
    with StandIn([first, second]) as server:
        assert json.loads(ctl("-j", "show", "x", url=server.url).stdout)["traffic"]["rx_bytes"] == 1
        assert ctl("show", "10002", url=server.url).returncode == 2


def test_status_names_ports_that_the_kernel_gives_to_outgoing_connections():
    """The stand-in is on this machine, whose range of ports is read."""
    first, last = map(int, open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii").read().split())
    if open("/proc/sys/net/ipv4/ip_local_reserved_ports", encoding="ascii").read().strip() or first < 2:
        pytest.skip("this machine reserves ports")
    with StandIn([Key(1, "in", last, rx=1), Key(2, "out", first - 1, rx=1)]) as server:
        said = ctl("status", url=server.url).stdout
        assert f"net.ipv4.ip_local_reserved_ports = {last}\n" in said
    with StandIn([Key(2, "out", first - 1, rx=1)]) as server:
        assert "reserved_ports" not in ctl("status", url=server.url).stdout


def test_an_ambiguous_name_lists_the_ids_and_resets_nothing():
    twins = [Key(1, "twin", 10001), Key(2, "twin", 10002), Key(3, "other", 10003)]
    with StandIn(twins) as server:
        run = ctl("reset", "twin", url=server.url)
        assert run.returncode == 2
        assert twins[0].id in run.stderr and twins[1].id in run.stderr
        assert twins[2].id not in run.stderr
        assert server.paths("POST") == []


def test_an_unknown_key_is_status_1():
    with StandIn(keys()) as server:
        run = ctl("show", "nobody", url=server.url)
        assert run.returncode == 1 and "Key not found" in run.stderr
        # Only whether it is the former id of a key is asked.
        assert [path for path in server.paths() if "nobody" in path] == ["/api/keys/nobody"]


def test_the_status_is_sorted_by_traffic_and_aligned():
    with StandIn(keys(), meter=METER) as server:
        run = ctl("status", url=server.url)
    assert run.returncode == 0 and run.stderr == ""
    lines = run.stdout.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith(" PORT"))
    assert [line.split()[1] for line in lines[head + 1:head + 4]] == \
        ["large", "small", "switched-off"]
    for title in ("CONNS", "UPLINK", "DOWNLINK", "TOTAL", "RATE"):
        end = lines[head].index(title) + len(title)
        for line in lines[head + 1:head + 4]:
            assert line[end - 1] != " " and (end == len(line) or line[end] == " "), (title, line)
    assert "5.00 GB" in lines[head + 1]
    assert not any(line.endswith(" ") for line in lines)
    assert "Health       healthy" in lines
    assert "Accounting   ebpf, exact, wire bytes" in lines
    assert "Keys         4 (3 active)" in lines
    assert "Connections  13" in lines
    assert re.search(r"^eth0 +5\.00 GB +3\.00 MB +5\.00 GB$", run.stdout, re.M)


def test_the_status_says_why_health_is_degraded():
    with StandIn(keys(), health={"status": "degraded", "reason": "key_source_broken"}) as server:
        assert "Health       degraded: key_source_broken" in ctl("status", url=server.url).stdout
        server.faults["/health"] = (503, {"status": "unavailable", "reason": "no_sample"})
        assert "counts cannot be served: no_sample" in ctl("status", url=server.url).stdout


def test_the_status_says_what_belongs_to_nobody():
    aside = {"port": 443, "last_port": 443, "found_at": "2025-08-04T14:34:13.878594", "rx_bytes": 1 << 30,
             "tx_bytes": 2 << 30}
    with StandIn(keys(), meter={**METER, "set_aside": [aside, aside]}) as server:
        assert "Set aside    6.00 GB that no key is charged for (--json lists the ports)" in \
            ctl("status", url=server.url).stdout.splitlines()
    with StandIn(keys(), meter={**METER, "set_aside": []}) as server:
        assert "Set aside" not in ctl("status", url=server.url).stdout


def test_the_status_says_why_accounting_is_not_exact():
    with StandIn([Key(1, port=10001)]) as server:
        entry = {**server.keys[0].entry(), "accounting": {
            "mode": "socket_stats", "exact": False, "unit": "wire", "reason": "no_cap_bpf"}}
        server.faults["simple"] = (200, {"data": {"ports": {"10001": entry}}})
        assert "Accounting   socket_stats, not exact, wire bytes: no_cap_bpf" in \
            ctl("status", url=server.url).stdout


def test_accounting_is_known_where_no_port_is():
    with StandIn([], meter=METER) as server:
        assert "Accounting   ebpf, exact" in ctl("status", url=server.url).stdout.splitlines()
    with StandIn(keys(), {"simple": "404", "port": "404"}, meter=METER) as server:
        assert "Accounting   ebpf, exact" in ctl("status", url=server.url).stdout.splitlines()


def test_what_the_meter_says_of_itself_is_shown_where_served():
    with StandIn(keys(), meter=METER) as server:
        shown = ctl("status", url=server.url).stdout
        assert "\x1b" not in shown
        assert re.search(r"^wan\.7 +tcx +no +2$", shown, re.M)
        for direction, seen, keys_bytes in (("ingress", "3.00 GB", "1.00 GB"),
                                            ("egress", "3.00 MB", "1.00 MB")):
            table = shown.split(f"\ndevices.{direction}\n")[1].split("\n\n")[0].splitlines()
            assert table[0].split() == ["name", "seen", "keys", "loopback", "unattributed",
                                        "too_deep", "foreign", "everything_else", "residual_bytes"]
            assert table[1].startswith(f"eth0   {seen}  {keys_bytes} ")
        assert re.search(r"^/etc/xray +V2Ray configuration +0 +line 3: \\u001b\[31mno port$", shown,
                         re.M)
        assert re.search(r"^  version +0\.1\.0$", shown, re.M)
        assert re.search(r"^  mode +ebpf$", shown, re.M)
        assert "\nlater.none\n  none\n" in shown and "detail" not in shown
        server.meter = None
        run = ctl("status", url=server.url)
        assert run.returncode == 0 and "METER" not in run.stdout and run.stderr == ""


def test_the_status_lists_what_gave_no_key_and_why():
    with StandIn(keys(), meter=METER) as server:
        shown = ctl("status", url=server.url).stdout
    table = shown.split("\nKEY NOTES ")[1].split("\n\n")[0].splitlines()
    assert re.match(r"not counted +/etc/xray/a\.json:7:3: inbounds\[1\] +it listens on no port$", table[1])
    assert re.match(r"remark +/etc/xray/b\.toml +a .* remark$", table[2]) and "\x1b" not in shown
    assert table[3] == "and 3 more"
    assert "key_notes" not in shown.split("\nMETER\n")[1]


def test_the_status_of_the_oldest_server_has_names_from_its_key_list():
    faults = {path: "404" for path in ("simple", "port", "/health", "/api/system/traffic/summary")}
    with StandIn(keys(), faults) as server:
        run = ctl("status", url=server.url)
        assert run.returncode == 0
        assert re.search(r"^10002 +large +12 +5\.00 GB +1\.00 MB +5\.00 GB +-$", run.stdout, re.M)
        assert run.stderr.count("\n") == 1 and "answered by /api/traffic/exact" in run.stderr


def test_interfaces_come_with_ports_exact_where_no_summary_is_served():
    with StandIn(keys(), {"simple": "404", "/api/system/traffic/summary": "404"}) as server:
        assert re.search(r"^eth0 +5\.00 GB", ctl("status", url=server.url).stdout, re.M)


def test_the_api_key_is_shown_to_no_proxy():
    with StandIn(keys()) as server, StandIn(keys()) as proxy:
        for name in ("http_proxy", "all_proxy"):
            assert ctl("keys", url=server.url, env={name: proxy.url}).returncode == 0
        assert proxy.requests == []


def test_a_shared_port_is_shown_as_shared():
    with StandIn([Key(1, port=443, rx=5)]) as server:
        entry = {**server.keys[0].entry(), "uuid": None, "shared": True, "key_name": None,
                 "keys": [{"id": "a", "name": "x"}, {"id": "b", "name": "y"}]}
        server.faults["simple"] = (200, {"data": {"ports": {"443": entry}}})
        assert re.search(r"^ 443  shared by 2 keys ", ctl("status", url=server.url).stdout, re.M)
        figures = {"rx_bytes": 1024, "tx_bytes": 2048, "total_bytes": 3072, "connections": 4, "traffic_rate": 0.0}
        told = {**entry, "accounting": {**entry["accounting"], "attribution": {"method": "access_log"}},
                "keys": [{"id": "a", "name": "x", **figures}, {"id": "b", "name": "y"}], "unattributed": figures}
        server.faults["simple"] = (200, {"data": {"ports": {"443": told}}})
        text = ctl("status", url=server.url).stdout
        assert re.search(r"^ +x +4 +1\.00 KB +2\.00 KB +3\.00 KB ", text, re.M)
        assert re.search(r"^ +\(no key\) +4 +1\.00 KB ", text, re.M) and " y " not in text
        stat = {**server.keys[0].stat(), "uuid": None, "shared": True, "port": 443,
                "keys": entry["keys"]}
        server.faults = {"simple": "404", "port": "404",
                         "exact": (200, {"traffic_stats": {"keys_stats": [stat]}})}
        assert re.search(r"^ 443  shared by 2 keys ", ctl("status", url=server.url).stdout, re.M)


class Detailed(Key):
    """A port entry of a server that knows the figures of each connection, and UDP peers."""

    def entry(self):
        entry = super().entry()
        entry["connection_details"][0].update(rx_bytes=2048, tx_bytes=3 << 20, rtt_ms=41.26,
                                              retransmits=3, age_s=71.8)
        entry["sessions"] = {"opened": 9, "closed": 7, "rx_bytes": 1, "tx_bytes": 2,
                             "since": 1754307939.5}
        return {**entry, "udp_peers": 4, "connection_details_truncated": True}


def test_connections_are_shown_with_what_the_server_tells_of_them():
    with StandIn([Detailed(1, "full", 10001, connections=2), Key(2, "bare", 10002, connections=2)]) as server:
        shown = ctl("show", "full", url=server.url, env={"TZ": "UTC"}).stdout
        assert re.search(r"^Sessions +9 opened, 7 closed since 2025-08-04 11:45:39$", shown, re.M)
        assert re.search(r"^UDP peers +4 in the last minute$", shown, re.M)
        table = shown.split("\n\n")[1].splitlines()
        assert table[0].split() == ["STATE", "LOCAL", "REMOTE", "UPLINK", "DOWNLINK", "RTT", "RETRANS", "AGE"]
        assert re.search(r"7:1000  2\.00 KB +3\.00 MB  41\.3 ms +3  72 s$", table[1])
        assert table[2].split("198.51.100.7:1001")[1].split() == ["-"] * 5
        assert table[3] == "and more, which the server does not list"
        bare = ctl("show", "bare", url=server.url).stdout
        assert re.search(r"^ESTAB +\S+ +198\.51\.100\.7:1001$", bare, re.M)
        assert "Sessions" not in bare and "UDP" not in bare and "AGE" not in bare


def test_a_port_that_is_not_counted_is_shown_with_the_reason():
    with StandIn(keys()) as server:
        answer = server.answer("GET", "/api/traffic/simple")[1]
        answer["data"]["not_counted"] = {"10009": {"error": "UDP is not counted.", "key_name": "quick"}}
        server.faults["simple"] = (200, answer)
        shown = ctl("status", url=server.url).stdout
        assert re.search(r"^10009  quick  UDP is not counted\.$", shown, re.M)


def test_bytes_are_exact_where_asked_for():
    with StandIn([Key(1, port=10001, rx=2 ** 53 + 1)]) as server:
        assert str(2 ** 53 + 1) in ctl("--bytes", "status", url=server.url).stdout
        shown = ctl("show", "10001", url=server.url).stdout
        assert f"8.00 PB ({2 ** 53 + 1} bytes)" in shown


def test_json_is_the_servers_own():
    with StandIn(keys(), meter=METER) as server:
        assert json.loads(ctl("--json", "keys", url=server.url).stdout) == \
            [key.json() for key in server.keys]
        status = json.loads(ctl("status", "--json", url=server.url).stdout)
        assert status["traffic"] == server.answer("GET", "/api/traffic/simple")[1]
        assert status["health"] == {"status": "healthy"} and status["meter"] == METER
        assert status["traffic_path"] == "/api/traffic/simple"
        key = server.keys[1]
        wanted = server.answer("GET", f"/api/keys/{key.id}/traffic/simple")[1]
        assert json.loads(ctl("--json", "show", key.name, url=server.url).stdout) == wanted
        answer = json.loads(ctl("--json", "reset", key.name, url=server.url).stdout)
        assert answer["previous_total"] == (5 << 30) + (1 << 20)


def test_a_reset_shows_what_it_closed():
    with StandIn(keys()) as server:
        shown = ctl("reset", "large", url=server.url).stdout
        assert f"5.00 GB ({(5 << 30) + (1 << 20)} bytes)" in shown
        assert server.keys[1].resets == 1


def test_colours_are_for_terminals_only():
    with StandIn(keys(), meter=METER) as server:
        plain = ctl("status", url=server.url, env={"TERM": "xterm"}).stdout
        assert "\x1b" not in plain
        coloured = on_a_terminal("status", url=server.url)
        assert "\x1b[1m" in coloured and "\x1b[32mhealthy\x1b[0m" in coloured
        stripped = re.sub(r"\x1b\[\d*m", "", coloured).replace("\r\n", "\n")
        assert stripped == plain
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}):
            assert "\x1b" not in on_a_terminal("status", url=server.url, env=env)
        assert "\x1b" in on_a_terminal("status", url=server.url, env={"NO_COLOR": ""})


NASTY = ("\x1b]0;owned\x07", "a\x1b[2Jb", "line\nbreak", "tab\tbed", "del\x7f", "c1\x9b31m",
         "bidi\u202eexe", "nul\0")


@pytest.mark.parametrize("json_wanted", (False, True), ids=("table", "json"))
@pytest.mark.parametrize("command", ("status", "keys", "show 10001"))
def test_control_characters_never_reach_the_terminal(command, json_wanted):
    for name in NASTY:
        with StandIn([Key(1, name, 10001)]) as server:
            words = command.split() + ["--json"] * json_wanted
            shown = on_a_terminal(*words, url=server.url, env={"NO_COLOR": "1"})
            shown = shown.replace("\r\n", "\n")
            assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
            if json_wanted:
                assert json.dumps(name) in json.dumps(json.loads(shown))


def test_control_characters_in_errors_never_reach_the_terminal():
    with StandIn(keys(), {"simple": (409, {"detail": "no \x1b[31m way"}),
                          "/api/keys": (404, {"detail": "\x1b[2J"})}) as server:
        run = ctl("show", "\x1b]0;me\x07", url=server.url)
        assert run.returncode == 1
        assert "no \\u001b[31m way" in run.stderr and "\x1b" not in run.stderr


@pytest.mark.parametrize("lang", ("C.UTF-8", "C", "nonsense"))
def test_names_are_aligned_by_the_columns_they_take(lang):
    names = ("ascii", "日本語", "e\u0301tude", "Ünal", "한국어 사용자")
    with StandIn([Key(i, name, 10001 + i) for i, name in enumerate(names)]) as server:
        run = ctl("keys", url=server.url, env={"LANG": lang})
    lines = run.stdout.splitlines()
    assert all(name in line for name, line in zip(names, lines[1:]))
    places = {columns(line[:line.index(mark)]) for line, mark in
              zip(lines, ("ACTIVE", *["yes"] * len(names)))}
    assert len(places) == 1


def test_an_answer_of_more_than_64_mib_is_refused():
    with StandIn(keys(), {"/api/keys": (200, ["x" * 1024] * (65 * 1024))}) as server:
        # A busy machine needs more than the five seconds that this command has.
        run = ctl("--timeout", "60", "keys", url=server.url)
        assert run.returncode == 3 and "more than 64 MiB" in run.stderr


def test_verbose_names_every_attempt():
    with StandIn(keys(), {"simple": "500", "port": "html"}) as server:
        run = ctl("-v", "show", "10001", url=server.url)
        assert "traffic/simple: HTTP 500" in run.stderr
        assert "traffic/port/exact: an answer of type text/html" in run.stderr
        assert "answered by" in run.stderr and run.returncode == 0


def test_it_works_with_the_real_meter(lab, start_daemon):
    keys_there = [Key(1, "small", 10001), Key(2, "large", 10002), Key(3, "homeless")]
    meter = start_daemon([key.json() for key in keys_there])
    url = f"http://127.0.0.1:{meter.port()}"
    with lab.server.entered():
        def ask(*words):
            run = ctl(*words, url=url, key=meter.api_key())
            assert run.stderr == "", run.stderr
            return run.stdout

        shown = ask("status")
        assert "Health       healthy" in shown and "Accounting   ebpf, exact, wire bytes" in shown
        assert "Keys         3 (3 active)" in shown
        for key in keys_there[:2]:
            assert re.search(rf"^{key.port}  {key.name} ", shown, re.M)
        own_account = re.search(r"^devices\.ingress\nname +seen .*\nup0 ", shown, re.M)
        assert bool(own_account) == (meter.get("/api/meter/status").status == 200)
        assert [key["id"] for key in json.loads(ask("--json", "keys"))] == \
            [key.id for key in keys_there]
        assert "Port         none" in ask("show", "homeless")
        for name in (keys_there[0].id, keys_there[0].uuid.upper(), "small", "10001"):
            assert json.loads(ask("--json", "show", name))["key"]["name"] == "small"
            assert json.loads(ask("--json", "reset", name))["key_id"] == keys_there[0].id
        assert ctl("reset", "homeless", url=url, key=meter.api_key()).returncode == 1
        assert ctl("status", url=url, key="wrong").returncode == 1
