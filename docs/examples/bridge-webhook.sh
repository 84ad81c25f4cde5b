#!/bin/sh
# Tells people who are away that something waits for them, by a web hook (ntfy, a chat, your own).
# Runs as the daemon's user, or as root:   bridge-webhook.sh /run/chinwag/socket https://ntfy.example/chat
# People type `/notify WORD`; for each the hook gets one JSON object in five minutes at most:
#   {"name":"alice","count":3,"notify":"WORD"}
# No message is in it. WORD is whatever somebody typed: here it stays data, and is never a command or an address.
socket=${1:?the path of the daemon\'s socket} url=${2:?the address of the hook}
ping=${BRIDGE_PING:-60} retry=${BRIDGE_RETRY:-5} # seconds between pings, and before another try

feed() { # A ping now and then keeps the input open, and ends it soon after the daemon.
  { printf '/mode json\n#bridge\n/part\n/feed on\n'; while sleep "$ping"; do echo /ping; done; } | nc -U "$socket"
}

while :; do
  feed | jq --unbuffered -c 'if .type == "error" then .text | stderr | empty
                             elif .type == "waiting" then {name, count, notify} else empty end' |
    while IFS= read -r call; do
      printf '%s' "$call" | curl -sSf --max-time 20 -H 'Content-Type: application/json' --data-binary @- "$url" \
        >/dev/null || echo "not told: $call" >&2
    done
  echo 'the daemon is gone; trying again' >&2
  sleep "$retry"
done
