#!/usr/bin/env bash
# Store a picture for an article and write its JPEG into a file, with curl 7.76 or later:
#
#     bash examples/client.sh https://example.com/photo.jpg 42
#
# The service and the account are read from BELFOOT_IMG_URL, BELFOOT_IMG_USER and BELFOOT_IMG_PASSWORD.
set -euo pipefail
link=$1 article=$2
service=${BELFOOT_IMG_URL:-http://127.0.0.1:6543}

# The account goes to curl through a pipe, so that no list of processes shows it. curl tries 429 and 5xx again by itself,
# after Retry-After where the service names it.
call() {
    local account="$BELFOOT_IMG_USER:$BELFOOT_IMG_PASSWORD"
    account=${account//\\/\\\\}
    printf 'user = "%s"\n' "${account//\"/\\\"}" |
        curl --config - --silent --fail-with-body --retry 4 --retry-max-time 60 --max-time 130 "$@"
}

# Quotes and backslashes in the link would end the JSON string.
quoted() { local text=${1//\\/\\\\}; printf '"%s"' "${text//\"/\\\"}"; }

call "$service/api/v1/images" --header 'Prefer: return=minimal' \
    --data "{\"data\": {\"url\": $(quoted "$link"), \"article_id\": $(quoted "$article")}}"

# The ETag is kept in a file: as long as the picture stays the same, nothing is sent.
call "$service/api/v1/images/$article" --header 'Accept: image/jpeg' \
    --etag-compare "$article.etag" --etag-save "$article.etag" --output "$article.jpg"
