# The server's image (the last stage), and the load generator's (`--target load`), which the demo uses.
# It needs no BuildKit.

# The workspace with the code taken out, but for the files that a manifest needs to see. It changes when a dependency
# does, so the long part of the build, the dependencies, is a layer that stays.
FROM debian:bookworm-slim AS skeleton
WORKDIR /src
COPY . .
RUN find . -type f ! -path './*/src/lib.rs' ! -path './*/src/main.rs' ! -path './*/build.rs' \
        ! -path './*/benches/*.rs' ! -name Cargo.toml ! -name Cargo.lock -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' | while read -r file; do echo 'fn main() {}' >"$file"; done

FROM rust:1.95-bookworm AS builder
# For the log's first line and for `holdfast_build_info`: --build-arg HOLDFAST_COMMIT=$(git rev-parse HEAD)
ARG HOLDFAST_COMMIT
WORKDIR /src
COPY --from=skeleton /src .
RUN cargo build --release --locked -p holdfast -p holdfast-load
COPY . .
# Cargo goes by the time of a file's last change, and the skeleton's may be newer.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --release --locked -p holdfast -p holdfast-load

FROM debian:bookworm-slim AS load
COPY --from=builder /src/target/release/load /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["load"]

FROM debian:bookworm-slim
# Where the embedded database lies if no DATABASE_URL is given. Nothing else is ever written.
RUN install -d -o 10001 -g 10001 /data
COPY --from=builder /src/target/release/holdfast /usr/local/bin/
USER 10001:10001
WORKDIR /data
VOLUME /data
# A container is reached from outside, so it must not run with keys that everybody knows: ADMIN_API_KEY and USER_API_KEY
# have to be given (with `docker run --env-file`, say). A database on a server is migrated with `holdfast migrate`.
# Free memory is kept for a while: what is given back to the system is cleared again when it is needed again.
ENV BIND=0.0.0.0 PORT=8080 ENVIRONMENT=production MIMALLOC_PURGE_DELAY=5000
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["holdfast", "healthcheck"]
ENTRYPOINT ["holdfast"]
CMD ["serve"]
