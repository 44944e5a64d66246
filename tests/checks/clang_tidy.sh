#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# clang_tidy_finds_nothing: in src/, by the checks of .clang-tidy. A source that was clean is looked at again when it, a
# header or .clang-tidy has changed. A run looks at the 40 of them that were changed last, for 4 s of CPU; with V2M_TIDY=1
# at all, for 31 s; and with V2M_TIDY=all by the analyzer of paths, too, which takes minutes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

# Sources in a run that nobody has asked to be longer.
MOST=40

build=${1:?usage: clang_tidy.sh BUILD_DIRECTORY}
need clang-tidy
[ -f "$build/compile_commands.json" ] || skip "$build has no compile_commands.json"
files=$(list_files)
checks='-clang-analyzer-*'
[ "${V2M_TIDY:-}" != all ] || checks=''
clean=$build/clang-tidy
mkdir -p "$clean"
headers=$(grep -E '^(src|include)/.*\.h$|^\.clang-tidy$' <<<"$files" | xargs cat | sha256sum)

# Prints the name under which a clean source is noted.
note_of() {
	printf '%s %s %s\n' "$headers" "$checks" "$(sha256sum "$1")" | sha256sum | cut -d ' ' -f 1
}

waiting=()
while IFS= read -r source; do
	[ -e "$clean/$(note_of "$source")" ] || waiting+=("$source")
done < <(grep -E '^src/.*\.c$' <<<"$files")
[ ${#waiting[@]} -gt 0 ] || finish
left=0
if [ -z "${V2M_TIDY:-}" ] && [ ${#waiting[@]} -gt "$MOST" ]; then
	left=$((${#waiting[@]} - MOST))
	mapfile -t waiting < <(stat -c '%Y %n' "${waiting[@]}" | sort -rn | head -n "$MOST" | cut -d ' ' -f 2-)
fi
status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The options of the build are those of GCC: clang does not know all of them.
printf '%s\0' "${waiting[@]}" | xargs -0 -P "$(nproc)" -n 8 clang-tidy -p "$build" --quiet --checks="$checks" \
	--extra-arg=-Wno-unknown-warning-option >"$log" 2>/dev/null || status=$?
found=$(grep -E '^/.*(warning|error): ' "$log" | grep -F "$PWD/src/" | sort -u || true)
[ -z "$found" ] || fail "$found"
# 123 is for findings. If clang-tidy crashed or was killed, it has not looked at every source.
if [ "$status" -ne 0 ] && { [ "$status" -ne 123 ] || [ -z "$found" ]; }; then
	fail "clang-tidy ended early (xargs: status $status)"
	finish
fi
for source in "${waiting[@]}"; do
	grep -qF "$PWD/$source:" <<<"$found" || touch "$clean/$(note_of "$source")"
done
printf '%s sources were looked at, %s wait\n' "${#waiting[@]}" "$left"
finish
