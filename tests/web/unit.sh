#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs the tests in tests/web/unit/ if there is a node that has a test runner.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR/../.. source=tests/checks/lib.sh
. tests/checks/lib.sh

need node
node --test --help >/dev/null 2>&1 || skip "this node has no test runner: 18 or newer is needed"
exec node --test tests/web/unit/
