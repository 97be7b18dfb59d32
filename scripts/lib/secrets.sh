# Shared by the scripts that start containers: source it.
# shellcheck shell=bash

# Prints a setting a line, each with a value that nobody can guess.
make_secrets() {
    local name
    for name in ADMIN_API_KEY USER_API_KEY CLUSTER_SECRET POSTGRES_PASSWORD; do
        printf '%s=%s\n' "$name" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
    done
}
