#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# every_c_file_is_formatted
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

need clang-format
files=$(list_files)
[ -n "$files" ] || fail "no files at all: this check sees nothing"
scripts/format --check || fail "scripts/format would change the files above"
finish
