# The images of this package: `make images` builds them. It needs BuildKit, Docker's default.
#
# A tag can be moved by its owner; docs/tensorflow-serving.md says how to build from digests instead.
ARG PYTHON_IMAGE=python:3.10.18-slim-bookworm
ARG BEAM_IMAGE=apache/beam_python3.10_sdk:2.64.0

FROM ${BEAM_IMAGE} AS beam

# Compilers stay in this stage: a few of the pipeline's packages come as source.
FROM ${PYTHON_IMAGE} AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
ENV UV_NO_CACHE=1 UV_NO_PROGRESS=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=/opt/venv
WORKDIR /build
RUN --mount=type=bind,source=tools.lock,target=tools.lock \
    python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement tools.lock \
    && /opt/uv/bin/uv venv --python /usr/local/bin/python /opt/venv

# Packages come before the sources, so that a change of ours leaves their layer as it is.
FROM tools AS pipeline-packages
RUN --mount=type=bind,source=requirements.lock,target=requirements.lock \
    /opt/uv/bin/uv pip sync --compile-bytecode --require-hashes requirements.lock
RUN --mount=type=bind,target=/src,rw \
    /opt/uv/bin/uv pip install --compile-bytecode --no-deps --no-build-isolation /src

FROM tools AS server-packages
RUN --mount=type=bind,source=serving/server/requirements.txt,target=requirements.txt \
    /opt/uv/bin/uv pip sync --compile-bytecode --require-hashes requirements.txt
RUN --mount=type=bind,target=/src,rw \
    /opt/uv/bin/uv pip install --compile-bytecode --no-deps --no-build-isolation /src

FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 recstack \
    && useradd --uid 10001 --gid recstack --create-home --home-dir /home/recstack recstack
ENV PATH=/opt/venv/bin:${PATH} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /home/recstack

# `recstack serve`: what the server needs and nothing of the pipeline, ScaNN's operations included.
FROM runtime AS server
ARG VERSION
LABEL org.opencontainers.image.title="recstack-server" \
      org.opencontainers.image.description="TensorFlow Serving's gRPC and REST, ScaNN's operations included" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=server-packages /opt/venv /opt/venv
USER 10001:10001
EXPOSE 8500 8501
# The ports answer when every model has a version; docs/serving.md has the times.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/v1/models/recommender')"]
ENTRYPOINT ["recstack", "serve", "--host", "0.0.0.0"]
CMD ["--bundle", "/bundle"]

# The pipeline's steps (`python -m ...`) and its command line.
FROM runtime AS pipeline
ARG VERSION
LABEL org.opencontainers.image.title="recstack-pipeline" \
      org.opencontainers.image.description="The steps of the pipeline and its command line" \
      org.opencontainers.image.version="${VERSION}"
# Of the packages `implicit` alone takes OpenMP's library from the system.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=pipeline-packages /opt/venv /opt/venv
COPY configs configs
USER 10001:10001
ENTRYPOINT ["recstack"]

# The same for the workers of Beam jobs: Beam's boot gets their arguments, and starts the Python of the image.
FROM pipeline AS worker
ARG VERSION
LABEL org.opencontainers.image.title="recstack-worker" \
      org.opencontainers.image.description="The workers of the pipeline's Beam jobs" \
      org.opencontainers.image.version="${VERSION}"
# Without it boot makes an environment of its own at each start.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
COPY --from=beam /opt/apache/beam /opt/apache/beam
# Dataflow mounts folders that root alone may write, on machines that run nothing but the job.
# hadolint ignore=DL3002
USER 0:0
ENTRYPOINT ["/opt/apache/beam/boot"]
