#!/bin/sh
# Signals by curl:
#   sh signals.sh newest          the five newest, one JSON object a line
#   sh signals.sh follow          each event as it comes, its name before its JSON; ends with Ctrl-C
#   sh signals.sh csv FILE        all signals as a file
# TP_CAPITAL_URL is the address of the service. TP_CAPITAL_API_KEY is its key, if reads need one.
set -eu
api=${TP_CAPITAL_URL:-http://127.0.0.1:4008}/api/v1

# a stream sends something every 15 seconds, so a minute of silence is a dead connection
ask() {
  curl -sS --fail-with-body --speed-limit 1 --speed-time 60 ${TP_CAPITAL_API_KEY:+-H "X-API-Key: $TP_CAPITAL_API_KEY"} "$@"
}

# prints the events of one connection, and keeps the id of the last one in the file $1
show() {
  while IFS= read -r line; do
    case $line in
      "id: "*) printf '%s' "${line#id: }" >"$1" ;;
      "event: "*) name=${line#event: } ;;
      "data: "*) printf '%s %s\n' "$name" "${line#data: }" ;;
    esac
  done
}

case ${1-} in
  newest) ask -H 'Accept: application/x-ndjson' "$api/signals?limit=5" ;;
  csv) ask -o "$2" "$api/signals.csv" ;;
  follow)
    place=$(mktemp)
    trap 'rm -f "$place"' EXIT
    while :; do
      last=$(cat "$place")
      ask -N ${last:+-H "Last-Event-ID: $last"} "$api/signals/stream" | show "$place"
      sleep 3
    done
    ;;
  *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
esac
