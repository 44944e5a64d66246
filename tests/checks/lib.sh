# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Functions that the checks share. A check runs in the top directory, prints every finding and fails at its end.

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

# Prints the tracked files and the new ones that git does not ignore. The checkout may belong to another user. It is
# called as files=$(list_files), so that a skip in here also ends the check.
list_files() {
	need git
	git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 || skip "not a git checkout"
	git -c safe.directory='*' ls-files --cached --others --exclude-standard
}
