#!/usr/bin/env bash
# Make the database on the first start, then become the server. The variables, the folder of first-start
# scripts and docker_process_sql are those of the official image.
set -Eeuo pipefail
shopt -s nullglob

fail() {
  printf 'error: %s\n' "$@" >&2
  exit 1
}

# Give each variable its default, or the content of the file that its _FILE twin names.
read_settings() {
  local name file
  for name in POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_INITDB_ARGS; do
    file=${name}_FILE
    if [[ -n ${!file:-} ]]; then
      [[ -z ${!name:-} ]] || fail "$name and $file are both set."
      printf -v "$name" '%s' "$(<"${!file}")"
    fi
  done
  : "${POSTGRES_USER:=postgres}" "${POSTGRES_PASSWORD:=}" "${POSTGRES_INITDB_ARGS:=}"
  : "${POSTGRES_DB:=$POSTGRES_USER}" "${POSTGRES_HOST_AUTH_METHOD:=}"
}

require_password() {
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] || fail \
    "The database is not made: its superuser has no password." \
    "Set POSTGRES_PASSWORD, or POSTGRES_HOST_AUTH_METHOD=trust to let anyone in without one."
}

# initdb wants a name for whoever runs it; with `docker run --user` there may be none.
name_this_user() {
  getent passwd "$EUID" >/dev/null && return
  NSS_WRAPPER_PASSWD=$(mktemp)
  NSS_WRAPPER_GROUP=$(mktemp)
  LD_PRELOAD=libnss_wrapper.so
  export LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  echo "postgres:x:$EUID:$(id --group):PostgreSQL:$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
  echo "postgres:x:$(id --group):" >"$NSS_WRAPPER_GROUP"
}

make_cluster() {
  local -a arguments
  # As the official image does it, so that quotes in the variable group words.
  eval "arguments=($POSTGRES_INITDB_ARGS)"
  (
    name_this_user
    trap 'rm -f ${NSS_WRAPPER_PASSWD:+"$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"}' EXIT
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  )
  local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

docker_process_sql() {
  local -a database=()
  [[ -z $POSTGRES_DB ]] || database=(--dbname "$POSTGRES_DB")
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "${database[@]}" "$@"
}

create_database() {
  [[ $POSTGRES_DB == postgres ]] && return
  POSTGRES_DB=postgres docker_process_sql --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_scripts() {
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    echo "$0: $script"
    case $script in
      *.sh) if [[ -x $script ]]; then "$script"; else . "$script"; fi ;;
      *.sql) docker_process_sql --file "$script" ;;
      *.sql.gz) gunzip --stdout "$script" | docker_process_sql ;;
      *) echo "$0: left out, neither .sh, .sql nor .sql.gz" ;;
    esac
  done
}

# The server of the first start listens on the socket alone, so that nobody meets a half-made database.
first_start() {
  require_password
  make_cluster
  export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
  pg_ctl start --wait --options="$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)"
  create_database
  run_scripts
  pg_ctl stop --wait --mode=fast
  unset PGPASSWORD
}

become_postgres() {
  mkdir --parents "$PGDATA"
  chmod 0700 "$PGDATA"
  find "$PGDATA" /run/postgresql ! -user postgres -exec chown postgres '{}' +
  export HOME=/var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "${BASH_SOURCE[0]}" "$@"
}

main() {
  [[ ${1:-} == -* ]] && set -- postgres "$@"
  case " $* " in
    " postgres "*" -? "* | *" --help "* | *" --version "* | *" -V "* | *" --describe-config "*) exec "$@" ;;
    " postgres "*) ;;
    *) exec "$@" ;;
  esac
  [[ $EUID -eq 0 ]] && become_postgres "$@"
  read_settings
  [[ -s $PGDATA/PG_VERSION ]] || first_start "$@"
  exec "$@"
}

main "$@"
