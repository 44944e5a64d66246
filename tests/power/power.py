#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shows that the tests notice faults: puts one fault at a time into a copy of the tree and demands that a
test fails. The same test must pass without the fault. It is not part of scripts/test, because each fault costs a
build. Status 0: every fault was found.

    scripts/test-power [--tree DIRECTORY] [--lock FILE] [NAME...]
    tests/power/power.py --check    only checks that the source has each text that a fault replaces

Each line of a fault that was found names the check that failed. A test that fails for another reason, such as a busy
machine, has found nothing: read the lines.
"""

import argparse
import pathlib
import sys
import tempfile
import typing

import runner
from runner import ROOT, ctest, e2e, vm


class Fault(typing.NamedTuple):
    name: str
    file: str     # the source file, from the top directory
    there: str    # a text that stands in the file exactly once
    instead: str  # what replaces it
    test: runner.Test  # it has to fail then


FAULTS = [
    ("a connection that was open before brings its past", "bpf/delivered.bpf.h",
     "\t\t.rx_bytes = now->rx,\n\t\t.tx_bytes = now->tx,\n", "\t\t.again_bytes = now->tx,\n",
     e2e("test_delivered", "open_before")),
    ("delivered bytes of open connections wait for their end", "src/sockets/session_pass.c",
     "return iterator < 0 ? iterator : run_pass(iterator, began);", "return run_pass == NULL || !began || iterator < 0;",
     e2e("test_delivered", "never_fall")),
    ("delivered bytes of a user stay with the port", "src/accounting/account_owners.c",
     "\t\tmove_bytes(account, owner, &delivered, real_us, &when);\n", "",
     ctest("unit_accounting_account_owners")),
    ("a label leaves the session behind", "bpf/label.bpf.c",
     "\tmove_sessions(&state->sessions, state->owner);\n", "", ctest("bpf_flows")),
    ("what MPTCP sends again is delivered twice", "bpf/mptcp.bpf.h",
     "\t\tnow.tx = lesser(now.tx, note->last_tx_bytes);\n", "\t\tnow.tx = note->last_tx_bytes;\n", e2e("test_delivered", "several_paths")),
    ("an outgoing connection counts as delivered", "bpf/sessions.bpf.c",
     "note_opening(sk, V2M_SOCKET_OUTGOING);", "note_opening(sk, 0);",
     e2e("test_delivered", "outgoing")),
    ("more delivered than counted is no finding", "src/accounting/cross_check.c",
     "excess > UNCOUNTED_MIN && excess > bytes->counted / 100", "bytes->counted > INT64_MAX && excess",
     ctest("unit_accounting_cross_check")),
    ("parts of a key are lost by an export", "src/ledger/export.c",
     "\tput_parts(json, &subject->parts);\n", "\t(void)put_parts;\n",
     ctest("unit_ledger_transfer_parts")),
    ("bytes that may be another key's are billed", "src/accounting/account_fill.c",
     "\t\tif (has_figures(account, id))\n\t\t\treturn false;\n", "",
     ctest("unit_accounting_account_slots")),
    ("a reset moves no baseline", "src/accounting/account_changes.c",
     "\tsubject->baseline = subject->lifetime;\n", "",
     e2e("test_durability", "resets_by_four")),
    ("a reset is answered before it is on the disk", "src/collector/batch.c",
     "if (v2m_bookkeeper_flush(parts->bookkeeper))\n\t\tundo_resets", "if (0)\n\t\tundo_resets",
     e2e("test_durability", "reset_survives")),
    ("totals are stored without the raw readings", "src/ledger/store.c",
     "raw->dirty ? run_with_row(statements, V2M_PUT_RAW, raw) : 0", "0 * (raw->dirty + (statements != NULL))",
     e2e("test_durability", "killing")),
    ("a restart forgets the raw readings", "src/accounting/account_stored.c",
     "\tv2m_raw_insert(&account->raw, &stored);\n", "\t(void)stored;\n",
     e2e("test_durability", "killing")),
    ("pinned maps are not taken over", "src/datapath/maps.c",
     "if (meta.abi_hash != wanted->abi_hash)", "if (meta.abi_hash == wanted->abi_hash)",
     ctest("bpf_takeover")),
    ("a port is handed over without a last reading", "src/collector/key_change.c",
     "&& v2m_sampling_take(parts))\n", "&& 0)\n",
     e2e("test_durability", "exactly_its_own_time")),
    ("a super-packet counts as one frame", "bpf/traffic.bpf.c",
     "(segments - 1)", "(segments - segments)",
     e2e("test_exact", "super and vmess-tcp and ipv4")),
    ("metrics tell a credential that was chosen as an id", "src/api/metrics_keys.c",
     "return strcasecmp(key->id, key->uuid) == 0 &&", "return 0 &&",
     ctest("unit_api_metrics")),
    ("the budget counts a device anew with each reading", "src/budget/budget.c",
     "\t\tbefore = *known;\n", "\t\tbefore = before;\n",
     ctest("unit_budget_budget")),
    ("the doctor takes an address for a port", "src/ctl/doctor/nat_rules.c",
     "if (!bracket && colon &&", "if (0 && !bracket && colon &&",
     ctest("unit_ctl_doctor_ports")),
    ("a live answer outlives a reset", "src/answering/remote_meter.c",
     "\tv2m_live_window_set(remote->live, NULL);\n", "",
     e2e("test_cache_reset", "ends_with_a_reset")),
    ("a connection over the loopback device is taken for one from outside", "src/base/connection.c",
     "remote, size) == 0)\n\t\treturn true;", "remote, size) == 0)\n\t\treturn false;",
     e2e("test_cross_check", "over_lo")),
    ("datagrams over the loopback device are not noticed", "src/sockets/udp_senders.c",
     "if (!place || !v2m_connection_is_local(&socket))", "if (place || !v2m_connection_is_local(&socket))",
     ctest("unit_sockets_udp_senders")),
    ("a port without datagrams over the loopback device is taken for one with some", "src/sockets/local_udp.c",
     "return noticed ? v2m_array_add(flows, flow) : 0;", "return noticed ? 0 : v2m_array_add(flows, flow);",
     e2e("test_cross_check", "without_a_peer")),
    ("a datagram over the loopback device is noticed for ever", "src/sockets/local_udp.c",
     "__atomic_exchange_n(&udp->object->bss->noticed[port], 0, __ATOMIC_RELAXED)",
     "__atomic_load_n(&udp->object->bss->noticed[port], __ATOMIC_RELAXED)",
     e2e("test_cross_check", "without_a_peer")),
    ("nobody looks at the loopback device of the namespace", "src/sockets/local_udp.c",
     "\tudp->object->bss->netns = netns;\n", "\t(void)netns;\n",
     e2e("test_cross_check", "without_a_peer")),
    ("datagrams over the loopback device from a socket without a peer are not named", "src/sockets/udp_senders.c",
     "\t\tif (place)\n\t\t\tresult =", "\t\tif (!place)\n\t\t\tresult =",
     e2e("test_cross_check", "without_a_peer")),
    ("a published port counts for nobody", "src/datapath/port_slots.c",
     "\tv2m_port_aliases_compose(aliases, places, placing->wanted);\n", "",
     e2e("test_published", "redirected")),
    ("a rule with conditions makes an alias", "src/paths/published.c",
     "\t\t\trule->clear &&\n", "",
     e2e("test_published", "not_understood")),
    ("a rule of iptables-legacy is not read", "src/paths/legacy_rules.c",
     "if (!result && v2m_nat_rule_matters(&rule))", "if (!result && rule.jump)",
     e2e("test_published", "legacy_are_read and 4")),
    ("a change in iptables-legacy is not noticed", "src/paths/rule_watch.c",
     "if (digest != watch->legacy_digest)", "if (digest == UINT64_MAX)",
     e2e("test_published", "legacy_are_read and 4")),
    ("a rule in a chain holds for all senders", "src/paths/nat_chains.c",
     "joined->clear = rule->clear && way->clear;", "joined->clear = rule->clear;",
     ctest("unit_paths_nat_chains")),
    ("a rule counts for ports that an earlier one keeps from it", "src/paths/nat_chains.c",
     "\tif (!result && rule->changes && is_touched(walk, rule))\n", "\tif (0)\n",
     e2e("test_published", "first_rule")),
    ("a rule without a port keeps nothing from later ones", "src/paths/nat_chains.c",
     "\tif (!earlier->ports.count)\n\t\theed_portless(", "\tif (0)\n\t\theed_portless(",
     ctest("unit_paths_nat_chains")),
    ("chains are followed by their names", "src/paths/nft_rules.c",
     "roots->items[at - 1].priority > priority;", "roots->items[at - 1].priority < priority;",
     e2e("test_published", "first_rule")),
    ("of two rules whose order is not known, one counts", "src/paths/rule_order.c",
     "if (!v2m_nat_order_is_known(rule, other) &&", "if (0 && !v2m_nat_order_is_known(rule, other) &&",
     ctest("unit_paths_published")),
    ("a port that is disputed takes its range with it", "src/paths/published.c",
     "\tfor (size_t i = 0; i < parts.left.count && !result && !look->notes; i++) {",
     "\tfor (size_t i = 0; i < parts.left.count && !parts.lost.count && !result && !look->notes; i++) {",
     ctest("unit_paths_published")),
    ("the elements of a map are not followed", "src/paths/nat_lookup.c",
     "\treading->ways *= set->count;\n", "",
     ctest("unit_paths_nft_rule")),
    ("a concatenation has the fields of the first register only", "src/paths/nat_lookup.c",
     "\t\tfrom += width;\n", "",
     ctest("unit_paths_nft_rule")),
    ("a rule of one address takes what arrives for another one", "src/paths/published.c",
     ".families = look->rule->addressed ? 0 : look->rule->families,", ".families = look->rule->families,",
     e2e("test_published", "concatenations")),
    ("a rule of IPv4 takes what arrives by IPv6", "src/paths/families.c",
     "if (alias->origin != V2M_ALIAS_RULE || !other)", "if (alias->origin != V2M_ALIAS_RULE || other)",
     e2e("test_published", "one_family")),
    ("a server that comes later is not noticed", "src/paths/rule_watch.c",
     "\twatch->again = again;\n", "\twatch->again = again && false;\n",
     e2e("test_published", "one_family")),
    ("the proxy of docker is another server", "src/collector/key_addresses.c",
     "!held || !v2m_port_holder_serves(", "!held || v2m_port_holder_serves(",
     e2e("test_published", "proxy_of_docker")),
    ("a container's connection that is older than the programs counts", "src/paths/masqueraded.c",
     "\tif (known->missed || !is_within(counted, known->counted))\n", "\tif (known->missed)\n",
     e2e("test_foreign", "masqueraded")),
    ("a container's connections are looked for once, even if that fails", "src/paths/masqueraded.c",
     "known->missed || !is_within", "!is_within", ctest("unit_paths_masqueraded")),
    ("connections show nothing", "src/paths/rule_watch.c",
     "watch->changed || grew;", "watch->changed || (grew && 0);",
     e2e("test_published", "connections_show")),
    ("a port that serves others too counts for a key", "src/paths/published_tracked.c",
     "several ? 0 : common;", "several ? common : common;",
     ctest("unit_paths_published_tracked")),
    ("a shifted range goes to its first port", "src/paths/published.c",
     "\tif (target->shifts)\n\t\treturn", "\tif (0)\n\t\treturn",
     ctest("unit_paths_published")),
    ("rules of nftables are not noticed if the module comes later", "src/paths/rule_watch.c",
     "\tif (watch->fd < 0 && is_due(&watch->opening,", "\tif (watch->fd < -9999 && is_due(&watch->opening,",
     vm("test_published", "nftables", "oldest")),
    ("a change of NAT rules is not noticed", "src/paths/rule_watch.c",
     "&& v2m_nft_watch_drain(watch->fd))", "&& 0 * v2m_nft_watch_drain(watch->fd))",
     e2e("test_published", "come_and_go")),
    ("an outgoing connection is taken for the key's", "bpf/foreign.bpf.h",
     "(way == LEAVES && handshake == TCP_SYN);", "(way == LEAVES && handshake == 0x7f);",
     ctest("bpf_foreign")),
    ("a slot with foreign flows is not marked on all processors", "bpf/foreign.bpf.h",
     "\t\tmark_slot(counters->slot);\n", "\t\tcounters->tx |= V2M_HAS_FOREIGN;\n",
     ctest("bpf_foreign")),
    ("a connection that is older than the programs is taken for the key's", "bpf/delivered.bpf.h",
     ".flags = has_chosen_port(sk) ? V2M_SOCKET_OUTGOING : 0,", ".flags = 0,",
     e2e("test_foreign", "older_than")),
    ("a foreign flow is forgotten with the slot of its port", "src/datapath/foreign.c",
     "\t\tif (slot.counted)\n", "\t\tif (!slot.counted)\n",
     ctest("bpf_ranges_live")),
    ("a port stays foreign after the key's own handshake", "bpf/foreign.bpf.h",
     "\tbpf_map_delete_elem(&foreign_flows, flow);\n", "",
     ctest("bpf_foreign")),
    ("a flow of a socket that did not ask for the port counts", "bpf/origin.bpf.h",
     "return !(locks & device.bound_mask);", "return false;",
     e2e("test_foreign", "outgoing_flow")),
    ("a host that forwards is not noticed", "src/devices/links.c",
     "\t*forwards |= forwarding && ifindex", "\t*forwards |= 0 && forwarding && ifindex",
     e2e("test_foreign", "routed_container_with")),
    ("a cached answer outlives a reset", "src/collector/batch.c",
     "\telse\n\t\tv2m_publisher_withdraw(parts->publisher);\n", "",
     e2e("test_cache_reset", "reset")),
    ("a change needs no API key", "src/collector/requests.c",
     "unsigned needed = v2m_question_scope(request->kind);", "unsigned needed = 0;",
     ctest("unit_collector_requests")),
    ("a read key may reset", "src/http/routes.c",
     "v2m_scopes_include(exchange->auth->key.scopes, v2m_route_scope(route))", "exchange->auth->valid",
     ctest("unit_http_scopes")),
    ("a revoked key stays valid for changes", "src/collector/requests.c",
     "\trequests->api_keys = *api_keys;\n\tv2m_requests_tell_api_keys",
     "\t(void)api_keys;\n\tv2m_requests_tell_api_keys",
     ctest("unit_collector_requests")),
    ("a revoked key stays valid for its connection", "src/apikeys/key_ring.c",
     "known.version != __atomic_load_n(&ring->version, __ATOMIC_ACQUIRE)", "!known.version || !ring",
     ctest("unit_apikeys_api_keys")),
    ("a connection leaves its API key behind", "src/apikeys/key_ring.c",
     "\tif (known.version)\n\t\texplicit_bzero", "\tif (!known.version)\n\t\texplicit_bzero",
     ctest("unit_apikeys_api_keys")),
    ("a connection leaves its requests behind", "src/http/http.c",
     "\tv2m_worker_forget();\n", "", e2e("test_processes", "hold_the_api_key")),
    ("bodies that are wanted compressed are compressed too late", "src/api/window.c",
     "\tlower(&entry->recipe.gzip_age, recipe->gzip_age);\n", "",
     ctest("unit_api_window")),
    ("the process that follows access logs may hand descriptors over", "src/attribution/log_reader.c",
     "if (message->fd >= 0)", "if (message->fd >= 0 && !reader)",
     ctest("unit_attribution_log_reader")),
    ("wrong API keys wait for nothing", "src/http/attempts.c",
     "turn_ns = entry->paid_ns - (FREE_NS - STEP_NS);", "turn_ns = now_ns;",
     ctest("unit_http_attempts")),
    ("a foreign name is shown the page", "src/http/http.c",
     "(http->hosts->count || v2m_routes_open(path))", "http->hosts->count",
     ctest("unit_http_scopes")),
    ("a core dump shows the memory", "src/process/confine.c",
     "\tprctl(PR_SET_DUMPABLE, 0);\n", "",
     e2e("test_api_keys", "dumped")),
    ("memory that can still change is read", "src/process/memory.c",
     "(seals & SEALS) != SEALS", "0",
     ctest("unit_process_channel")),
    ("a part of a list may be anywhere", "src/ipc/snapshot.c",
     "first > list_count || *n > list_count - first", "0",
     ctest("fuzz_messages")),
    ("the answering process may open sockets", "src/process/confine.c",
     "seccomp_init(SCMP_ACT_ERRNO(EPERM))", "seccomp_init(SCMP_ACT_LOG)",
     ctest("unit_process_child")),
    ("half a request takes a worker", "src/http/gate.c",
     "return length >= HEADER_MAX ||", "return length > 0 || length >= HEADER_MAX ||",
     ctest("unit_http_gate")),
    ("an answering process that ended is not replaced", "src/daemon/answerer.c",
     "\t\tstart_or_pause(answerer);\n", "",
     e2e("test_processes", "back_within")),
    ("what the reading process hands over may be anything", "src/ipc/reading.c",
     "if (!is_text(key->uuid) ||", "if (",
     ctest("unit_ipc_reading")),
    ("a reading process has all the time it wants", "src/supply/source_reader.c",
     "set_timer(reader, reader->deadline_ms);", "set_timer(reader, 0);",
     ctest("unit_supply_source_reader")),
    ("the reading process may write to files", "src/process/confine.c",
     "O_ACCMODE | O_CREAT | O_TRUNC", "0",
     ctest("unit_process_child")),
    ("the reading process keeps every capability", "src/process/confine.c",
     "return syscall(SYS_capset, &header, data) == 0;", "return kept || syscall(SYS_capset, &header, data) == 0;",
     ctest("unit_process_child")),
    ("a reading process that ended is not replaced", "src/supply/source_feed.c",
     "\tset_timer(feed, feed->reread_ns);\n", "",
     e2e("test_reading_process", "next_one")),
    ("what the asking process hands over may be anything", "src/ipc/asking.c",
     "return name && strlen(name) <= NAME_MAX_LEN && v2m_is_utf8(name);", "return name;",
     ctest("unit_ipc_asking")),
    ("an asking process gets all the connections that it wants", "src/supply/followed.c",
     "return followed->n_connects++ < CONNECTS_MAX;", "return true;",
     ctest("unit_supply_live_supply")),
    ("an asking process that ended is not replaced", "src/process/kept_child.c",
     "\tif (!kept->child.pid) {\n\t\tstart(kept);\n\t\treturn;\n\t}\n", "",
     ctest("unit_supply_live_supply")),
    ("what the following process hands over may be anything", "src/ipc/following.c",
     "news->n_logs != n_logs ||", "!n_logs ||",
     ctest("unit_ipc_following")),
    ("each sample waits for a following process that hangs", "src/attribution/log_reader.c",
     "return !reader->is_late ||", "return true ||",
     ctest("unit_attribution_log_reader")),
    ("a reset waits for the access log without end", "src/attribution/log_reader.c",
     "\t\tif (now_ns >= end_ns)\n\t\t\treturn false;\n", "",
     ctest("unit_attribution_log_reader")),
    ("any user's process is a proxy", "src/discovery/proxy_find.c",
     "return groups && !strstr(groups, \":/user.slice/\");", "return groups;",
     ctest("unit_discovery_proxy_find")),
    ("an import leaves no mark", "src/ledger/import.c",
     "\tresult = v2m_cursor_run(&cursor);\n", "\tresult = 0;\n",
     e2e("test_transfer", "totals_move")),
    ("an import that was not stored stays in memory", "src/ledger/import.c",
     "\tif (result)\n\t\tundo_in_memory(account, document, document->n_subjects);\n", "",
     e2e("test_transfer", "does_not_fit")),
    ("a cached answer outlives an import", "src/collector/answer_transfer.c",
     "\t\tv2m_publisher_withdraw(parts->publisher);\n", "",
     e2e("test_transfer", "totals_move")),
    ("an export is for all to read", "src/ctl/transfer.c",
     "0600", "0644",
     e2e("test_transfer", "private")),
    ("the rates of a port go to its next owner", "src/collector/key_change.c",
     "\tv2m_bookkeeper_change_owners(parts->bookkeeper, v2m_key_supply_active(parts->keys), next);\n", "",
     e2e("test_rate_history", "times_their_seconds")),
    ("hours are selected by Unix time", "src/ledger/hours.c",
     "pending->start_s + pending->utc_offset_s", "pending->start_s",
     ctest("unit_ledger_zones")),
    ("the time zone stays that of the start", "src/collector/collector.c",
     "\tfollow_zone(parts);\n", "\t(void)follow_zone;\n",
     e2e("test_zone", "new_zone")),
    ("others may write to pin_dir", "src/pins/pins.c",
     "\tresult = v2m_trusted_dir_check(\"pin_dir\", pin_dir, error);\n", "",
     e2e("test_errors", "others_could_change")),
    ("a pinned map is taken over with any number of entries", "src/pins/map_shape.c",
     "info.max_entries == expected->entries ? NULL", "1 ? NULL",
     ctest("bpf_map_shapes")),
    ("pins that were renamed stay where they are", "src/datapath/strays.c",
     "\tint moved = take_back_all(own, stray);\n", "\tint moved = 0;\n",
     ctest("bpf_pins_live")),
    ("drops of a queue are those that it counts", "src/devices/queue_account.c",
     "\tsettle(packets, &account->owed_packets, &account->dropped.packets);\n",
     "\taccount->dropped.packets += queue->drops - last->drops;\n\t(void)packets;\n",
     e2e("test_queue", "did_not_leave")),
    ("queues are never read", "src/collector/sampling.c",
     "\tv2m_device_watch_read_queues(parts->devices, &sample);\n", "",
     e2e("test_queue", "did_not_leave")),
    ("nobody notes what the ledger has stored", "src/collector/counting.c",
     "programs ? v2m_datapath_write_mark(programs, mark) : 0", "0 * (programs != NULL && mark != NULL)",
     e2e("test_durability", "older_than")),
    ("an older copy of the ledger is taken for the present one", "src/collector/bookkeeper.c",
     "mark->stores <= own.stores", "1",
     e2e("test_durability", "older_than")),
    ("a member is forgotten between the processes", "src/ipc/keyset.c",
     "\tv2m_wire_bool(wire, &span->visited);\n", "",
     ctest("unit_ipc_snapshot_members")),
    ("a device that is outrun looks healthy", "src/collector/outrun_watch.c",
     "v2m_conditions_set(conditions, V2M_OUTRUN, sentence.text)", "0",
     e2e("test_neighbours", "goes_before_ours")),
    ("an alert leaves the queue before it is delivered", "src/notify/delivery.c",
     "\toutcome = attempt(delivery->settings, channel, queued.event);\n",
     "\tv2m_store_remove(delivery->store, queued.id, error);\n"
     "\toutcome = attempt(delivery->settings, channel, queued.event);\n",
     e2e("test_notify", "kill_between")),
    ("what was alerted about is forgotten over a restart", "src/notify/store.c",
     "INTO held VALUES (?)", "INTO held SELECT ?1 WHERE 0",
     ctest("unit_notify_store")),
    ("guessed fragments are not told", "bpf/traffic.bpf.c",
     "\t\t__sync_fetch_and_add(&scope->guessed, 1);\n", "\t\t(void)scope;\n",
     e2e("test_fragments", "guessed")),
    ("nine extension headers hide the ports", "bpf/parse.bpf.h",
     "#define MAX_EXTENSIONS   32\n", "#define MAX_EXTENSIONS   8\n", ctest("bpf_packets")),
    ("three VLAN tags hide the ports", "bpf/parse.bpf.h",
     "#define MAX_IN_BAND_TAGS 8\n", "#define MAX_IN_BAND_TAGS 2\n", ctest("bpf_packets")),
    ("a later fragment is what its own next header says", "bpf/parse.bpf.h",
     "\t\tpacket->payload_bytes = walk.left;\n\t\treturn LATER_FRAGMENT;\n",
     "\t\tpacket->payload_bytes = walk.left;\n"
     "\t\treturn walk.next == NEXT_TCP || walk.next == NEXT_UDP ? LATER_FRAGMENT : OTHER;\n",
     ctest("bpf_fragments")),
    ("what the programs cannot follow is somebody else's", "bpf/traffic.bpf.c",
     "\t\treturn &seen->too_deep;\n", "\t\treturn &seen->other;\n", ctest("bpf_packets")),
    ("too many headers are healthy", "src/collector/device_watch.c",
     "too_deep > seen / DEEP_SHARE;", "too_deep > seen;", e2e("test_topology", "too_many_headers")),
    ("a duplicate of a fragment counts", "bpf/fragments.bpf.c",
     "\tif (result || !scope ||", "\tif (!scope ||", vm("test_fragments", "that_is_delivered", "newest")),
    ("fragments that connection tracking puts together count for nobody", "bpf/fragments.bpf.c",
     "\treturn user == LOCAL_DELIVER ||\n", "\treturn user == LOCAL_DELIVER || ipv6 * 0 &&\n",
     vm("test_fragments", "puts_them_together", "newest")),
    ("what the local queue drops was sent", "bpf/socket.bpf.h",
     "\treturn BPF_CORE_READ(tcp, bytes_acked) + in_flight - fin;\n",
     "\tstruct tcp_sock___s { __u64 bytes_sent; } __attribute__((preserve_access_index)) *sent = (void *)sk;\n\n"
     "\treturn BPF_CORE_READ(sent, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans) - fin;\n",
     e2e("test_sessions", "local_queue")),
    ("more counted than delivered is no finding", "src/accounting/cross_check.c",
     "counted / 2 > bytes->delivered, 1, bytes);", "counted / 2 > bytes->counted, 1, bytes);",
     ctest("unit_accounting_cross_check")),
    ("what is sent again was not delivered", "src/accounting/cross_check.c",
     "growth(reading->tx_again, slot->base.tx_again) +", "0 * growth(reading->tx_again, slot->base.tx_again) +",
     ctest("unit_accounting_cross_check")),
    ("a directory of another user is trusted", "src/base/trusted_dir.c",
     "if (status.st_uid != 0 && status.st_uid != geteuid())", "if (status.st_uid != 0 && status.st_uid == 0)",
     ctest("unit_base_trusted_dir")),
    ("others may write to state_dir", "src/config/state_dir.c",
     "\tresult = v2m_trusted_dir_check(\"state_dir\", state_dir, error);\n", "",
     e2e("test_errors", "others_could_change")),
    ("key ports that are reserved are named", "src/ctl/doctor/ephemeral.c",
     "\tv2m_port_set_subtract(wanted, &sets[2]);\n", "", ctest("unit_ctl_doctor_ports")),
]
FAULTS = [Fault(*fault) for fault in FAULTS]


def passing(tree, tests):
    """Those of the tests that pass without a fault. The others find nothing; the reason is printed."""
    tree.build(tests)
    found = set()
    for test in tests:
        outcome = tree.run(test)
        if outcome.word == "failed":  # a busy machine
            outcome = tree.run(test)
        if outcome.word == "passed":
            found.add(test)
            continue
        print(f"{outcome.word} without a fault: {' '.join(test.command)}: {outcome.why}\n{outcome.output}", flush=True)
    return found


def judge(tree, fault):
    """Returns the word of the report and the reason."""
    with tree.fault(fault.file, fault.there, fault.instead):
        try:
            tree.build([fault.test])
        except runner.BuildError as error:
            return "NO BUILD", str(error)
        outcome = tree.run(fault.test)
    return ("found" if outcome.word == "failed" else "MISSED"), outcome.why or f"the test {outcome.word}"


def run_all(tree, faults):
    """Returns how many faults were found."""
    sound = passing(tree, list(dict.fromkeys(fault.test for fault in faults)))
    n_found = 0
    for fault in faults:
        clock = runner.Clock()
        word, why = judge(tree, fault) if fault.test in sound else ("NOT RUN", "its test does not pass without it")
        n_found += word == "found"
        print(f"{word:8} {fault.name} ({clock})\n         {why}", flush=True)
    return n_found


def stale(fault):
    """Returns why the fault no longer fits the source, or None."""
    path = ROOT / fault.file
    if not path.is_file():
        return f"{fault.file} does not exist; name the file that has this text now:\n{fault.there}"
    times = path.read_text().count(fault.there)
    if times != 1:
        return (f"{fault.file} has this text {times} times, expected once; change the fault to the new source:\n"
                + fault.there)
    return None


def check(faults):
    """Ends the program if a fault does not fit the source, before anything is built."""
    problems = [f"{fault.name}: {problem}" for fault in faults if (problem := stale(fault))]
    if problems:
        sys.exit("\n".join(["faults in tests/power/power.py that do not fit the source:", *problems]))


def main():
    parser = argparse.ArgumentParser(usage="test-power [--tree DIRECTORY] [--lock FILE] [NAME...]")
    parser.add_argument("--check", action="store_true", help="only check that each fault fits the source")
    parser.add_argument("--tree", type=pathlib.Path, help="keep the copy of the tree there, for the next time")
    parser.add_argument("--lock", type=pathlib.Path, help="lock this file while a test runs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault; without names: all of them")
    options = parser.parse_args()
    unknown = set(options.names) - {fault.name for fault in FAULTS}
    if unknown:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}; there are:\n"
                 + "\n".join(f"  {fault.name}" for fault in FAULTS))
    wanted = [fault for fault in FAULTS if not options.names or fault.name in options.names]
    check(wanted)
    if options.check:
        return 0
    with tempfile.TemporaryDirectory(prefix="v2m-power-") as directory:
        tree = runner.Tree(options.tree or pathlib.Path(directory), options.lock)
        tree.update()
        found = run_all(tree, wanted)
    print(f"{found} of {len(wanted)} faults found")
    return 0 if found == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
