# The exporter alone: no pip, no compiler, no shell, no package manager.
# Python's versions 3.11 to 3.13 are tested; BASE is a Debian with python3 and its venv module.
# Everything runs on the builder's own platform, so that another's image needs no emulator.
ARG BASE=python:3.13-slim
# The same for the builder's platform, where one name does not stand for both.
ARG BUILD_BASE=${BASE}

FROM ${BASE} AS base

FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS build
ENV PYTHONNODEBUGRANGES=1 PYTHONHASHSEED=0
# One virtual environment brings pip, the other is what ships.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/exporter && rm /opt/exporter/bin/[Aa]ctivate*
COPY requirements/image.txt tools/image/install.py /build/
ARG TARGETARCH=amd64
RUN /build/bin/python3 /build/install.py "$TARGETARCH" /build/image.txt /opt/exporter/lib/python3.*/site-packages \
    && rm -rf /opt/exporter/lib/python3.*/site-packages/bin
COPY --from=base / /image
COPY tools/image/strip.py /build/
RUN python3 /build/strip.py /image /opt/exporter
# Bytecode at -OO is 5 MB of memory and 1.3 s of every start; its hashes are not checked, so no build's clock matters.
# What no version of the exporter changes comes before it, so that the next version's build begins behind it.
RUN set -e; find /opt/exporter -name __pycache__ -prune -exec rm -rf {} +; \
    compile='python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash'; \
    $compile -s /image -p / -x 'lib2to3/tests|/test/' "/image$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"; \
    $compile /opt/exporter
COPY tools/image/sbom.py /build/
COPY LICENSE /opt/exporter/
COPY exporter /build/exporter
ARG VERSION=0.1.0
ARG REVISION=unknown
# The modes are not those of somebody's checkout.
RUN set -e; cd /opt/exporter/lib/python3.*/site-packages; \
    cp -r /build/exporter .; \
    printf '#!/opt/exporter/bin/python3\nimport sys\n\nfrom exporter.cli.main import main\n\nsys.exit(main())\n' \
        > /opt/exporter/bin/db-health-exporter; \
    chmod -R u=rwX,go=rX exporter /opt/exporter/LICENSE; \
    chmod 755 /opt/exporter/bin/db-health-exporter; \
    python3 /build/sbom.py /image "$PWD" "$VERSION" "$TARGETARCH" "$REVISION" > /opt/exporter/sbom.cdx.json; \
    python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash "$PWD/exporter"

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
# A builder's cache tells layers by their content and the lines above them, neither by the value of an ARG nor by the times of
# files, which are the commit's in a release. So what holds version and commit comes first, and labels come behind it.
COPY --from=build /opt/exporter /opt/exporter
COPY --from=build /image /
LABEL org.opencontainers.image.title="db-health-exporter" \
      org.opencontainers.image.description="A sidecar that tells Kubernetes, Prometheus and people why an application cannot use its database" \
      org.opencontainers.image.source="https://github.com/db-health-exporter/db-health-exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/exporter/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    PYTHONOPTIMIZE=2 PYTHONNODEBUGRANGES=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /
EXPOSE 9850
ENTRYPOINT ["/opt/exporter/bin/python3", "-m", "exporter"]
