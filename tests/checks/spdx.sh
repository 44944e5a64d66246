#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# every_file_says_its_license: the SPDX line is in the first five lines of every file.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. tests/checks/lib.sh

line='SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'
files=$(list_files)
while IFS= read -r file; do
	if [ ! -f "$file" ] || [ -L "$file" ]; then continue; fi
	case $file in
	# JSON and pictures have no comments. Test data is compared byte by byte, or is broken on purpose. Licenses need no
	# license.
	*.json | docs/*.png | tests/*/data/* | tests/data/*.bin | tests/data/*.http | tests/data/*.http2 | tests/data/*.txt | tests/fuzz/corpus/* | LICENSES/*) continue ;;
	esac
	head -n 5 "$file" | grep -qF "$line" || fail "$file: no \"$line\" in its first five lines"
done <<<"$files"
finish
