#!/usr/bin/env bash
# Builds the pages (web/) into dsk/web/static. Needs Node 20 or later; run it after any change of web/ and commit what it writes.
set -euo pipefail
cd "$(dirname "$0")/../web"
npm ci --no-audit --no-fund
npm run check
npm run build
