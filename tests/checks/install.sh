#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# the_service_starts_what_was_installed_wherever_that_is: with a prefix that is named only at installation, and
# with DESTDIR, as for a package.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

build=${1:?usage: install.sh BUILD_DIRECTORY}
need cmake
[ -x "$build/v2meterd" ] || skip "$build is not built"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# starts_from PREFIX ROOT: checks that the service under ROOT starts the daemon of PREFIX.
starts_from() {
	local service=$2$1/lib/systemd/system/v2meterd.service started
	started=$(sed -nE 's/^ExecStart=([^ ]+).*/\1/p' "$service")
	[ "$started" = "$1/sbin/v2meterd" ] || fail "installed to $1, the service starts $started"
	[ -x "$2$started" ] || fail "the service starts $started, which was not installed"
	grep -q "^ExecStart=$1/sbin/v2meter-notify " "$2$1/lib/systemd/system/v2meter-notify.service" &&
		[ -x "$2$1/sbin/v2meter-notify" ] || fail "the service of alerts starts another program than $1/sbin/v2meter-notify"
}

cmake --install "$build" --prefix "$place/here" >/dev/null
starts_from "$place/here" ""
DESTDIR=$place/root cmake --install "$build" --prefix /usr >/dev/null
starts_from /usr "$place/root"
for file in bin/v2meterctl share/man/man1/v2meterctl.1 share/man/man8/v2meterd.8 \
	share/man/man8/v2meter-notify.8; do
	[ -f "$place/here/$file" ] || fail "$file is not installed"
done
finish
