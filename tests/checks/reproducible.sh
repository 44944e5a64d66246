#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# two_builds_of_one_commit_are_equal: builds the sources again in another place, with another umask, language, time
# zone and user name, and compares. A few seconds: the kernel programs, the page and two libraries, with those of build/.
# With V2M_REPRODUCIBLE=1, a minute: HEAD in two places, with the programs and the packages.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

files=$(list_files)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# The release build was made of the same sources in this place.
compare_parts() {
	local targets=(traffic_skel_header sessions_skel_header fragments_skel_header v2m_web v2m_base v2m_ledger) object n=0
	need ninja
	[ -x build/v2meterd ] || skip "there is no release build in build (scripts/build makes it)"
	[ -z "$(ninja -C build -n v2meterd v2meterctl | grep -v 'no work to do' | grep -v '^ninja: Entering')" ] ||
		skip "the release build in build is not up to date (scripts/build)"
	grep -v '^build' <<<"$files" | tar -c --ignore-failed-read -T - | tar -x -C "$place"
	(
		umask 077
		export LC_ALL=C.UTF-8 TZ=Asia/Tehran USER=somebody
		cd "$place"
		[ ! -d "$OLDPWD/build/uplot" ] || { mkdir build && cp -a "$OLDPWD/build/uplot" build; }
		cmake --preset release -DV2M_TESTS=OFF -DV2M_BENCHMARKS=OFF >/dev/null &&
			cmake --build --preset release --target "${targets[@]}" >/dev/null
	) || {
		fail "the sources cannot be built in another place"
		finish
	}
	while IFS= read -r object; do
		n=$((n + 1))
		cmp "$place/build/$object" "build/$object" || fail "$object differs"
	done < <(cd "$place/build" && find src web bpf -name '*.o' | sort)
	[ "$n" -gt 20 ] || fail "only $n objects were compared"
	finish
}
[ -n "${V2M_REPRODUCIBLE:-}" ] || compare_parts

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
