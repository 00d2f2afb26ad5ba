#!/bin/sh
# One night of checks, for cron:
#
#     15 2 * * *  FASTCHECK=/home/me/venv/bin/fastcheck /home/me/nightly.sh /home/me/nightly.toml
#
# Cron mails what a job prints. This one prints nothing if every case ran and passed; otherwise the
# summary of the night, which says what changed since the one before, and where the page is.
# Its exit status is that of `fastcheck run`.
set -u

suite=${1:?name the suite, such as /home/me/nightly.toml}
fastcheck=${FASTCHECK:-fastcheck}
nights=${NIGHTS:-$HOME/fastcheck-nights}  # the archive, which comparisons need, and the last report
keep_days=${KEEP_DAYS:-90}

page="$nights/report/run.html"

mkdir -p "$nights" || exit 2
rm -f "$page"  # that of another night
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT

status=0
"$fastcheck" run "$suite" --jobs "${JOBS:-2}" --budget "${BUDGET:-2h}" --timeout "${TIMEOUT:-15m}" \
    --archive "$nights/archive" --report "$nights/report" >"$log" 2>&1 || status=$?

if [ "$status" -ne 0 ]; then
    cat "$log"
    if [ -f "$page" ]; then page="the page is $page"; else page="there is no page"; fi
    printf '\nexit status %d; %s\n' "$status" "$page"
fi
if [ -d "$nights/archive" ]; then  # finished runs, and what is left of those that were killed
    find "$nights/archive" -name '*.h5' -mtime "+$keep_days" -delete
    find "$nights/archive" -name '*.parts' -mtime "+$keep_days" -prune -exec rm -rf {} +
fi
exit "$status"
