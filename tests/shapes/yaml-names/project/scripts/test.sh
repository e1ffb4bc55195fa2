#!/bin/sh
set -e
cd "$(dirname "$0")/.."
compose="docker compose -f docker-compose.yaml -f docker-compose.test.yaml --env-file .env.test"
$compose up -d --build
$compose exec -T api pytest tests "$@"
$compose down
