#!/usr/bin/env bash
# Write random secrets into .env and .env.test, where CHANGE_ME stands.
set -euo pipefail
cd "$(dirname "$0")/.."

fill() { # fill FILE NAME VALUE
  sed -i.bak "s|^$2=CHANGE_ME\$|$2=$3|" "$1" && rm "$1.bak"
}

for file in .env .env.test; do
  [ -f "$file" ] || continue
  for name in POSTGRES_PASSWORD TEST_POSTGRES_PASSWORD; do
    fill "$file" "$name" "$(openssl rand -hex 24)"
  done
  fill "$file" SECRET_KEY "$(openssl rand -hex 32)"
  fill "$file" ENCRYPTION_KEY "$(openssl rand -base64 32 | tr '+/' '-_')"
  echo "keys are in $file"
done
