#!/bin/sh
# Become redis-server, without root's rights; options and a .conf file alone are arguments for it.
set -eu

case ${1:-} in
  -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . ! -user redis -exec chown redis '{}' +
  exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi

# As in the official image, other containers may connect; an option or a .conf file can forbid it.
says_protected_mode() { grep -Eiq '^[[:space:]]*protected-mode[[:space:]]' "$1"; }

if [ "${1:-}" = redis-server ]; then
  shift
  case ${1:-} in
    -v | --version | -h | --help | --check-system | --test-memory) ;;
    "" | -*) set -- --protected-mode no "$@" ;;
    *) says_protected_mode "$1" || set -- "$@" --protected-mode no ;;
  esac
  set -- redis-server "$@"
fi

umask 0077
exec "$@"
