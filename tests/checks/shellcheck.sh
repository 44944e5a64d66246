#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# no_script_has_findings: runs shellcheck on every shell script, which its first line or its name tells.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

need shellcheck
files=$(list_files)
scripts=()
while IFS= read -r file; do
	[ -f "$file" ] || continue
	if [[ $file == *.sh ]] || head -n 1 "$file" | grep -qE '^#!.*\b(ba|da)?sh\b'; then
		scripts+=("$file")
	fi
done <<<"$files"
[ ${#scripts[@]} -gt 5 ] || fail "only ${#scripts[@]} scripts found: this check sees too little"
shellcheck -x -S warning "${scripts[@]}" || fail "shellcheck has findings"
finish
