# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# What the checks share. A check runs in the top directory, prints every finding and fails at its end.

failures=0

fail() {
	printf '%s\n' "$*"
	failures=$((failures + 1))
}

skip() {
	printf 'SKIP: %s\n' "$*" >&2
	exit 77
}

finish() {
	[ "$failures" -eq 0 ] && exit 0
	printf '%s findings\n' "$failures"
	exit 1
}

need() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# Tracked files and those that will be; a checkout of somebody else's is no reason to refuse. Called
# as files=$(list_files), so that its skip is the check's.
list_files() {
	need git
	git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 || skip "not a git checkout"
	git -c safe.directory='*' ls-files --cached --others --exclude-standard
}
