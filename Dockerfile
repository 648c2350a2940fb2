# One image for webserver, daemon, code location and command line: docs/containers.md. `docker build -t recon .`, or
# where there is no Docker engine deploy/container/build.sh.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# The locked packages, from wheels only, so that no compiler is needed. Nothing of ours but the lock comes before them:
# as long as it is the same, the layer is.
FROM ${BASE_IMAGE} AS packages
# Debian's own Python has venv in a package apart, the official image has it
# hadolint ignore=DL3008
RUN python3 -c "import ensurepip" 2> /dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*; }
WORKDIR /build
COPY requirements.lock deploy/container/*.lock ./
# docker or kubernetes: an image whose runs are containers or Jobs of their own (docs/kubernetes.md)
ARG EXTRA=""
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv tools \
    && tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r builder.lock \
    && python3 -m venv --without-pip /opt/venv \
    && tools/bin/pip --python /opt/venv/bin/python install --quiet --no-compile --require-hashes \
        --only-binary :all: -r "${EXTRA:-requirements}.lock"
COPY deploy/container/trim.py ./
# The bytecode is never compared with its source: in an image neither changes.
RUN python3 trim.py /opt/venv \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

# The program as its wheel, with what its version says of itself (evidence names it).
FROM packages AS program
COPY pyproject.toml README.md source/
COPY recon_assets source/recon_assets
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir wheels ./source \
    && tools/bin/pip --python /opt/venv/bin/python install --quiet --no-index --no-deps --no-compile \
        --target /app wheels/*.whl \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app \
    && PYTHONPATH=/app /opt/venv/bin/python -m recon_assets.reports.page_templates

FROM ${BASE_IMAGE} AS production
# tini hands signals on and buries the processes of runs that ended. The official image's pip goes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /usr/local/bin/pip* \
        /usr/local/lib/python3.*/ensurepip /usr/local/lib/python3.*/site-packages/* \
    && groupadd --gid 10001 recon \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin recon \
    && install -d -o recon -g recon -m 0750 /var/lib/recon
COPY --from=packages /opt/venv /opt/venv
COPY --from=program /app /app
COPY sql /app/sql
COPY config /app/config
COPY workspace.yaml deploy/compose/dagster.yaml deploy/container/health.py /app/

ENV PATH=/opt/venv/bin:/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    HOME=/tmp \
    DAGSTER_HOME=/app \
    RECON_HOME=/app \
    RECON_DATA_DIR=/var/lib/recon/data \
    LOCAL_REPORTS_DIR=/var/lib/recon/reports \
    RECON_DAGSTER_DIR=/var/lib/recon/dagster

USER 10001:10001
WORKDIR /app
VOLUME /var/lib/recon
EXPOSE 3000 4000
# Of the webserver; the other services have one each in docker-compose.yml.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 CMD ["python", "/app/health.py", "webserver"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["dagster-webserver", "--host", "0.0.0.0", "--port", "3000", "--workspace", "/app/workspace.yaml"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="recon" \
    org.opencontainers.image.description="Daily reconciliation of payment processors with the internal ledger" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
