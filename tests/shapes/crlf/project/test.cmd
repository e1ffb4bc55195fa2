@echo off
docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d
docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test exec -T web php tests.php
