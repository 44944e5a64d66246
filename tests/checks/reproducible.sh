#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# two_builds_of_one_commit_are_equal: builds HEAD and its packages in two places, with another umask, language, time zone and user name.
# Runs if V2M_REPRODUCIBLE is set, as it takes a minute.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

[ -n "${V2M_REPRODUCIBLE:-}" ] || skip "takes a minute: set V2M_REPRODUCIBLE=1"
list_files >/dev/null
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# build_in DIRECTORY: builds HEAD there.
build_in() {
	mkdir -p "$1/build"
	git -c safe.directory='*' archive HEAD | tar -x -C "$1"
	[ ! -d build/uplot ] || cp -a build/uplot "$1/build"
	(cd "$1" && scripts/package --output "$1/packages" >/dev/null)
}

build_in "$place/one"
(
	umask 077
	export LC_ALL=C.UTF-8 TZ=Asia/Tehran USER=somebody
	build_in "$place/at/another/place/two"
)
for program in v2meterd v2meterctl; do
	cmp "$place/one/build/$program" "$place/at/another/place/two/build/$program" || fail "$program differs"
done
packages=$(cd "$place/one/packages" && echo *.deb)
[ "$(wc -w <<<"$packages")" -eq 2 ] || fail "packages: $packages"
for package in $packages; do
	cmp "$place/one/packages/$package" "$place/at/another/place/two/packages/$package" || fail "$package differs"
done
finish
