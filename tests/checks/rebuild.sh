#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# touching_a_file_rebuilds_exactly_what_depends_on_it: compares the steps that ninja would take with the headers
# that each source includes according to the compiler. Nothing is built; sources get a new time stamp for a moment.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

build=${1:?usage: rebuild.sh BUILD_DIRECTORY}
need ninja
need python3
[ -f "$build/build.ninja" ] || skip "$build is not a ninja build"
stamp=$(mktemp)
touched=
restore() {
	[ -z "$touched" ] || touch -r "$stamp" "$touched"
	touched=
}
trap 'restore; rm -f "$stamp"' EXIT

# Prints the steps that ninja would take, one on each line, without their numbers.
steps() {
	ninja -C "$build" -n | sed -nE 's/^\[[0-9]+\/[0-9]+\] //p'
}

# steps_after FILE: prints the steps after FILE got a newer time stamp.
steps_after() {
	touch -r "$1" "$stamp"
	touched=$1
	touch "$1"
	steps
	restore
}

compiled() {
	sed -nE 's/^Building C object (.*)/\1/p' | sort
}

# users_of HEADER: prints the objects whose source includes it. The compiler says so, not ninja.
users_of() {
	python3 - "$build/compile_commands.json" "$PWD/$1" <<-'END' | sort
		import json, os, shlex, subprocess, sys
		for entry in json.load(open(sys.argv[1])):
		    words = shlex.split(entry["command"])
		    at = words.index("-o")
		    command = [word for word in words[:at] + words[at + 2:] if word not in ("-c", "-MD")]
		    made = subprocess.run(command + ["-M"], cwd=entry["directory"], text=True,
		                          capture_output=True, check=True).stdout
		    names = made.replace("\\\n", " ").split()[1:]
		    if any(os.path.realpath(os.path.join(entry["directory"], name)) == sys.argv[2]
		           for name in names):
		        print(words[at + 1])
	END
}

before=$(steps)
if grep -q 'Re-checking globbed' <<<"$before"; then
	fail "a CMake file has CONFIGURE_DEPENDS, so a dry run of ninja shows CMake only"
	finish
fi
[ -z "$before" ] || skip "$build is not up to date: build it first"

header=include/v2meter/bpf_abi.h
after=$(steps_after "$header")
expected=$(users_of "$header")
[ -n "$expected" ] || fail "no source includes $header: this check sees nothing"
[ "$(compiled <<<"$after")" = "$expected" ] ||
	fail "$header rebuilds other objects than those that include it:
$(diff <(compiled <<<"$after") <(echo "$expected"))"
if [ -d bpf ]; then
	grep -q '^BPF object' <<<"$after" || fail "$header does not rebuild the BPF object"
	grep -q '^BPF skeleton' <<<"$after" || fail "$header does not remake the skeleton"
fi

source=src/base/file.c
compiled_now=$(steps_after "$source" | compiled)
[ "$compiled_now" = src/base/CMakeFiles/v2m_base.dir/file.c.o ] ||
	fail "$source rebuilds this instead of itself alone: $compiled_now"
steps_after "$source" | grep -q '^BPF' && fail "$source rebuilds the BPF object"

[ -z "$(steps)" ] || fail "after the check there is something to build"
finish
