#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# the_packages_have_what_they_need: makes the Debian packages from the release build in build/, looks at their files,
# dependencies and scripts, and runs lintian. tests/e2e/test_packages.py installs them, which takes minutes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

need dpkg-shlibdeps
need cpack
need ninja
[ -x build/v2meterd ] || skip "there is no release build in build (scripts/build makes it)"
[ -z "$(ninja -C build -n | grep -v 'no work to do' | grep -v '^ninja: Entering')" ] ||
	skip "the release build is not up to date (scripts/build)"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
scripts/package --no-build --output "$place" >/dev/null || fail "scripts/package failed"

# has PACKAGE FILE...: the package has these files, for root, writable for nobody else.
has() {
	local package=$1 listed file
	shift
	listed=$(dpkg-deb -c "$place/$package"_*.deb)
	for file; do
		grep -qE "^-r[w-][x-]r-[x-]r-[x-] root/root .* \.$file$" <<<"$listed" || fail "$package: no $file"
	done
	! grep -qvE '^[-dl]r[w-][x-]r-[x-]r-[x-] root/root ' <<<"$listed" ||
		fail "$package: $(grep -vE '^[-dl]r[w-][x-]r-[x-]r-[x-] root/root ' <<<"$listed")"
}

# depends PACKAGE LIBRARY...
depends() {
	local package=$1 said library
	shift
	said=$(dpkg-deb -f "$place/$package"_*.deb Depends)
	for library; do
		grep -qE "(^|, )$library( |,|$)" <<<"$said" || fail "$package does not depend on $library: $said"
	done
}

has v2meterd /usr/sbin/v2meterd /usr/lib/systemd/system/v2meterd.service /usr/lib/tmpfiles.d/v2meter.conf \
	/etc/default/v2meterd /etc/v2meter/v2meter.json /usr/share/man/man8/v2meterd.8.gz /usr/share/man/man5/v2meter.json.5.gz \
	/usr/sbin/v2meter-notify /usr/lib/systemd/system/v2meter-notify.service /usr/share/man/man8/v2meter-notify.8.gz \
	/usr/share/doc/v2meterd/examples/notify.json /usr/share/bash-completion/completions/v2meter-notify \
	/usr/share/doc/v2meterd/examples/v2meter.json /usr/share/doc/v2meterd/changelog.gz \
	/usr/share/doc/v2meterd/copyright /usr/share/bash-completion/completions/v2meterd
has v2meterctl /usr/bin/v2meterctl /usr/share/man/man1/v2meterctl.1.gz \
	/usr/share/bash-completion/completions/v2meterctl
depends v2meterd systemd libbpf1 libc6 libcivetweb1 'libcurl4(t64)?' libjansson4 libmnl0 libsqlite3-0 libsystemd0
depends v2meterctl libc6 'libcurl4(t64)?' libjansson4
conffiles=$(dpkg-deb -I "$place"/v2meterd_*.deb conffiles)
[ "$conffiles" = "$(printf '/etc/default/v2meterd\n/etc/v2meter/v2meter.json')" ] || fail "conffiles: $conffiles"
# Everything that is installed without a package is in one of the packages.
DESTDIR=$place/installed cmake --install build --prefix /usr >/dev/null
packed=$(for package in "$place"/*.deb; do dpkg-deb -c "$package"; done)
while IFS= read -r file; do
	name=${file##*/}
	grep -qE "/$name(\.gz)?$" <<<"$packed" || fail "$file is in no package"
done < <(find "$place/installed" -type f)

for script in postinst prerm postrm; do
	dpkg-deb -I "$place"/v2meterd_*.deb "$script" | sh -n || fail "$script: wrong syntax"
done
if command -v lintian >/dev/null; then
	found=$(lintian --allow-root --profile debian --tag-display-limit 0 "$place"/*.deb 2>&1) || true
	[ -z "$found" ] || fail "lintian: $found"
else
	printf 'lintian is not installed, so it does not look at the packages\n'
fi

# Each command and option of --help is completed.
# shellcheck source=/dev/null
. packaging/completion/v2meterctl
COMP_WORDS=(v2meterctl '') COMP_CWORD=1
_v2meterctl build/v2meterctl
commands=$(build/v2meterctl --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
[ "$(wc -l <<<"$commands")" -ge 7 ] || fail "v2meterctl --help names too few commands: $commands"
[ "$commands" = "$(printf '%s\n' "${COMPREPLY[@]}")" ] || fail "completed: ${COMPREPLY[*]}; commands: $commands"
COMP_WORDS=(v2meterctl --t) COMP_CWORD=1
_v2meterctl build/v2meterctl
[ "${COMPREPLY[*]}" = --timeout ] || fail "--t is completed to ${COMPREPLY[*]}"
# An id that looks like a command is a word.
fake=$place/fake
printf '#!/bin/sh\necho '"'"'[{"id": "$(touch %s)", "name": "x"}]'"'"'\n' "$place/ran" >"$fake"
chmod +x "$fake"
COMP_WORDS=(v2meterctl show '') COMP_CWORD=2
_v2meterctl "$fake"
[ "${#COMPREPLY[@]}" -eq 1 ] && [ ! -e "$place/ran" ] || fail "an id was run as a command, or not completed: ${COMPREPLY[*]}"
finish
