#!/usr/bin/env bash
# Make self-signed certificates for the app and the callback server, under certs/.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p certs
for prefix in "" callback_; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=localhost" \
    -config <(printf '[req]\ndistinguished_name = name\n[name]\n') \
    -keyout "certs/${prefix}key.pem" -out "certs/${prefix}cert.pem" 2>/dev/null
  echo "made certs/${prefix}cert.pem and certs/${prefix}key.pem"
done

# The containers' user is another one than yours.
chmod 644 certs/*.pem
