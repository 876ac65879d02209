# The exporter alone: no pip, no compiler, no shell script between the kubelet and the process.
# Python's versions 3.11 to 3.13 are tested; BASE needs python3 and its venv module.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# One virtual environment brings pip, the other is what ships.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/exporter
COPY requirements/image.txt /build/
RUN /build/bin/pip --python /opt/exporter/bin/python3 install --no-cache-dir --no-compile --no-deps --require-hashes \
        --only-binary :all: -r /build/image.txt
COPY exporter /build/exporter
RUN cp -r /build/exporter "$(/opt/exporter/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/" \
    && printf '#!/opt/exporter/bin/python3\nimport sys\n\nfrom exporter.cli.main import main\n\nsys.exit(main())\n' \
        > /opt/exporter/bin/db-health-exporter \
    && chmod 755 /opt/exporter/bin/db-health-exporter \
    && find /opt/exporter -name __pycache__ -prune -exec rm -rf {} +

FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="db-health-exporter" \
      org.opencontainers.image.description="A sidecar that tells Kubernetes, Prometheus and people why an application cannot use its database" \
      org.opencontainers.image.source="https://github.com/db-health-exporter/db-health-exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# Bytecode at -OO is 5 MB of memory and 1.3 s of every start; its hashes are not checked, so no build's clock matters.
RUN stdlib="$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && rm -rf "$stdlib/ensurepip" "$stdlib"/site-packages/pip* /usr/local/bin/pip* /usr/share/python-wheels \
    && find "$stdlib" -name __pycache__ -prune -exec rm -rf {} + \
    && PYTHONNODEBUGRANGES=1 python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash -x 'lib2to3/tests|/test/' "$stdlib"
COPY LICENSE /opt/exporter/
COPY --from=build /opt/exporter /opt/exporter
RUN PYTHONNODEBUGRANGES=1 python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash /opt/exporter
ENV PATH=/opt/exporter/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONOPTIMIZE=2 PYTHONNODEBUGRANGES=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 9850
ENTRYPOINT ["/opt/exporter/bin/python3", "-m", "exporter"]
