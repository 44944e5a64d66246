#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# files_and_functions_have_one_subject: a file has fewer than 500 lines, a C function at most 60.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

# clang-format puts both braces of a function into the first column.
measure() {
	awk '
		FNR == 1 { start = 0 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start > 60) print FILENAME ":" start ": a function of more than 60 lines"; start = 0 }
		FNR == 500 { print FILENAME ": 500 lines or more" }' "$@"
}

files=$(list_files)
sources=()
while IFS= read -r file; do
	# The files in vmlinux/ are generated.
	[[ $file =~ ^vmlinux/ || ! -f $file ]] && continue
	if [[ $file =~ \.(c|h|py|sh)$ ]] || head -c 2 "$file" | grep -q '#!'; then sources+=("$file"); fi
done <<<"$files"
[ "${#sources[@]}" -gt 0 ] || fail "no files at all: this check sees nothing"
found=$(measure "${sources[@]}")
[ -z "$found" ] || fail "$found"
finish
