#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# the_installed_programs_are_hardened: looks into the programs of a release build, build/ or the named one.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

build=${2:-build}
need readelf
need ninja
[ -x "$build/v2meterd" ] || skip "there is no release build in $build (scripts/build makes it)"
[ -z "$(ninja -C "$build" -n v2meterd v2meterctl | grep -v 'no work to do' | grep -v '^ninja: Entering')" ] ||
	skip "the release build in $build is not up to date (scripts/build)"

# expect PROGRAM WHAT PATTERN TEXT: the text has a line that matches.
expect() {
	grep -qE "$3" <<<"$4" || fail "$1: $2"
}

# refuse PROGRAM WHAT PATTERN TEXT: the text has no such line.
refuse() {
	! grep -qE "$3" <<<"$4" || fail "$1: $2: $(grep -E "$3" <<<"$4" | head -n 1)"
}

# The compiler notes its options in the debugging information of each of our source files.
check_compiler_options() {
	local program=$1 option producers
	shift
	producers=$(readelf --debug-dump=info "$build/$program" 2>/dev/null |
		sed -nE 's/.*DW_AT_producer *: .*(GNU C[0-9]+ .*)/\1/p')
	[ "$(wc -l <<<"$producers")" -gt 10 ] || fail "$program: only $(wc -l <<<"$producers") sources found"
	for option; do
		! grep -qv -e "$option" <<<"$producers" || fail "$program: a source was compiled without $option"
	done
}

machine=$(readelf -h "$build/v2meterd" | sed -nE 's/ *Machine: *//p')
case $machine in
*X86-64) branches=-fcf-protection=full entry='endbr64' ;;
AArch64) branches=-mbranch-protection=standard entry= ;;
*) branches=-fstack-protector-strong entry= ;;
esac
for program in v2meterd v2meterctl; do
	header=$(readelf -h "$build/$program")
	segments=$(readelf -lW "$build/$program")
	dynamic=$(readelf -dW "$build/$program")
	symbols=$(readelf -sW "$build/$program")
	expect "$program" "not position-independent" 'Type: *DYN' "$header"
	expect "$program" "not position-independent" 'FLAGS_1.*PIE' "$dynamic"
	expect "$program" "no RELRO" 'GNU_RELRO' "$segments"
	expect "$program" "symbols are bound late, so RELRO is partial" 'FLAGS.*(BIND_NOW|NOW)' "$dynamic"
	expect "$program" "no note about the stack" 'GNU_STACK' "$segments"
	refuse "$program" "the stack is executable" 'GNU_STACK.*RWE' "$segments"
	refuse "$program" "a segment is writable and executable" 'LOAD.*RWE' "$segments"
	refuse "$program" "a search path for libraries" '\((RPATH|RUNPATH|TEXTREL)\)' "$dynamic"
	expect "$program" "no stack protector" '__stack_chk_fail' "$symbols"
	expect "$program" "no fortified function" '__(vsnprintf|snprintf|memcpy|fprintf)_chk' "$symbols"
	check_compiler_options "$program" -fstack-protector-strong -fstack-clash-protection "$branches" -O2 '-fPI[CE]'
	! grep -qF "$PWD" "$build/$program" || fail "$program: contains the path of its build: $PWD"
done
# Each function that a pointer may lead to begins with the mark. main() is one.
if [ -n "$entry" ] && command -v objdump >/dev/null; then
	start=$(objdump -d --no-show-raw-insn "$build/v2meterd" --disassemble=main | grep -A 1 '<main>:$')
	expect v2meterd "main() has no mark for indirect branches" "$entry" "$start"
fi
# The level of fortification leaves no trace in a program.
commands=$(grep '"command".* -o src/' "$build/compile_commands.json")
[ -n "$commands" ] || fail "compile_commands.json names no source of src/"
! grep -qv -e '-D_FORTIFY_SOURCE=3' <<<"$commands" || fail "a source is compiled without _FORTIFY_SOURCE=3"
finish
