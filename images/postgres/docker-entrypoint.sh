#!/usr/bin/env bash
# Make the database on the first start, then become the server. The variables, the folder of first-start
# scripts and docker_process_sql are those of the official image.

# Without -u: scripts that are sourced here may read variables that are not set.
set -Eeo pipefail

fail() {
  printf '%s\n' "error: $1" "$2" >&2
  exit 1
}

# Give each variable its default, or the content of the file that its _FILE twin names.
read_settings() {
  local name file
  for name in POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_INITDB_ARGS; do
    file=${name}_FILE
    [[ -n ${!file} ]] || continue
    [[ -z ${!name} ]] || fail "$name and $file are both set." "Set one of them."
    printf -v "$name" '%s' "$(<"${!file}")"
  done
  export POSTGRES_USER="${POSTGRES_USER:-postgres}" POSTGRES_PASSWORD POSTGRES_INITDB_ARGS
  export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
}

require_password() {
  [[ -n $POSTGRES_PASSWORD || $POSTGRES_HOST_AUTH_METHOD == trust ]] ||
    fail "The database was not made: POSTGRES_PASSWORD is empty, and its superuser needs a password." \
      "Set it, or POSTGRES_HOST_AUTH_METHOD=trust to let everyone in without one."
}

# initdb wants a name for whoever runs it; with `docker run --user` there may be none.
name_this_user() {
  getent passwd "$EUID" >/dev/null && return
  export NSS_WRAPPER_PASSWD=$1/passwd NSS_WRAPPER_GROUP=$1/group LD_PRELOAD=libnss_wrapper.so
  echo "postgres:x:$EUID:$(id --group):PostgreSQL:$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
  echo "postgres:x:$(id --group):" >"$NSS_WRAPPER_GROUP"
}

make_cluster() (
  arguments=()
  names=$(mktemp --directory)
  trap 'rm --recursive "$names"' EXIT
  name_this_user "$names"
  # As the official image does it, so that quotes in the variable group words.
  eval "arguments=($POSTGRES_INITDB_ARGS)"
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
)

docker_process_sql() {
  psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc --dbname "$POSTGRES_DB" "$@"
}

create_database() {
  [[ $POSTGRES_DB != postgres ]] || return 0
  docker_process_sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
}

run_scripts() {
  local script
  for script in /docker-entrypoint-initdb.d/*; do
    [[ -e $script ]] || continue
    echo "running $script"
    case $script in
      *.sh) if [[ -x $script ]]; then "$script"; else . "$script"; fi ;;
      *.sql) docker_process_sql --file "$script" ;;
      *.sql.gz) gunzip --stdout "$script" | docker_process_sql ;;
      *) echo "left out $script: neither .sh, .sql nor .sql.gz" ;;
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
  HOME=/var/lib/postgresql exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
}

# Whether the server would only print something and end.
only_prints() {
  local argument
  for argument in "$@"; do
    case $argument in
      -\? | --help | --describe-config | -V | --version) return 0 ;;
    esac
  done
  return 1
}

main() {
  [[ $1 != -* ]] || set -- postgres "$@"
  if [[ $1 != postgres ]] || only_prints "$@"; then
    exec "$@"
  fi
  [[ $EUID -ne 0 ]] || become_postgres "$@"
  read_settings
  [[ -s $PGDATA/PG_VERSION ]] || first_start "$@"
  exec "$@"
}

main "$@"
