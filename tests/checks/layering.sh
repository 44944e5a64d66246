#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# the_core_knows_no_kernel_database_or_server: who may include what.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

# includes LAYER: every header that a file of the layer includes, as FILE:LINE:HEADER.
includes() {
	grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' --include='*.[ch]' "$1" |
		sed -E 's/^([^:]+:[0-9]+):[^<"]*[<"]([^>"]+)[>"].*/\1:\2/'
}

# forbid LAYER PATTERN WHY: no header that a file of LAYER includes matches PATTERN, whole.
forbid() {
	local finding found
	[ -d "$1" ] || { fail "$1 does not exist: this check has to follow the sources" && return; }
	found=$(includes "$1")
	[ -n "$found" ] || fail "$1: no include found at all: this check sees nothing"
	while read -r finding; do
		[[ ${finding#*:*:} =~ ^($2)$ ]] && fail "$finding: $3"
	done <<<"$found"
	return 0
}

kernel='bpf/.*|libbpf.*|linux/bpf.*|linux/netlink\.h|linux/rtnetlink\.h|linux/.*_diag\.h|libmnl/.*'
forbid src/core "$kernel" "the core does not talk to the kernel"
forbid src/core 'sqlite3.*|civetweb.*|curl/.*' "the core knows no database, no server, no client"
forbid src/core '(\.\./)?(kernel|ledger|http|collector|ctl)/.*' "the core is below all other layers"
forbid src/http '(\.\./)?(kernel|ledger|collector)/.*' "http knows the core alone"
forbid src/http "$kernel|sqlite3.*" "http does not talk to the kernel or the database"
forbid src/kernel '(\.\./)?(http|ledger|collector)/.*' "kernel knows the core alone"
forbid src/kernel 'sqlite3.*|civetweb.*' "the kernel side knows no database and no server"
forbid src/ledger '(\.\./)?(kernel|http|collector)/.*' "the ledger knows the core alone"
forbid src/ledger "$kernel|civetweb.*" "the ledger does not talk to the kernel or clients"
forbid src/ctl '(\.\./)?(kernel|ledger|http|collector)/.*' "the client knows the core alone"
forbid src/ctl "$kernel|sqlite3.*|civetweb.*" "the client talks to the API alone"
forbid src/collector 'civetweb.*|(\.\./)?http/.*' "the collector knows no server"
finish
