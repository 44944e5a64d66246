#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# every_c_file_is_formatted
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

need clang-format
# Another version lays out the same style differently.
version=$(clang-format --version | grep -o '[0-9]*' | head -n 1)
[ "$version" = 14 ] || skip "clang-format is version $version; the style was made with version 14"
files=$(list_files)
[ -n "$files" ] || fail "no files at all: this check sees nothing"
scripts/format --check || fail "scripts/format would change the files above"
finish
