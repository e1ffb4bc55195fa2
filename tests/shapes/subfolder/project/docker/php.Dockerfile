FROM php:8.3-fpm-bookworm
COPY src /var/www/html
