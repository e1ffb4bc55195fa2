#!/bin/sh
set -eu
export COMPOSE_FILE=docker-compose.yml:docker-compose.test.yml
docker compose run --rm web
docker compose down -v
