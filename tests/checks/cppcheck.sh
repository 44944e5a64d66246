#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# cppcheck_finds_nothing: in src/. tests/checks/cppcheck.suppressions says what it is not asked about, and why.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

build=${1:?usage: cppcheck.sh BUILD_DIRECTORY}
need cppcheck
mkdir -p "$build/cppcheck"
# Loops that are macros of libraries, and a declaration that is one.
found=$(cppcheck --quiet -j "$(nproc)" --cppcheck-build-dir="$build/cppcheck" --library=posix \
	--enable=warning,performance,portability --suppressions-list=tests/checks/cppcheck.suppressions \
	-I include -I src -D_GNU_SOURCE '-DV2M_VERSION="0"' \
	'-Djson_array_foreach(list,index,value)=for (index = 0; (value = json_array_get(list, index)); index++)' \
	'-Djson_object_foreach(object,key,value)=for (key = 0; (value = json_object_get(object, key));)' \
	'-Dmnl_attr_for_each(attribute,message,offset)=for (attribute = mnl_first(message, offset); attribute;)' \
	'-Dmnl_attr_for_each_nested(attribute,nest)=for (attribute = mnl_first(nest, 0); attribute;)' \
	'-DLIBBPF_OPTS(type,name,...)=struct type name = { 0 }' \
	src 2>&1)
[ -z "$found" ] || fail "$found"
finish
