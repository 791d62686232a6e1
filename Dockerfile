# syntax=docker/dockerfile:1

# The locked requirements are those of Python 3.11.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

WORKDIR /src
RUN python -m venv /opt/importer

# Before the sources, so that a change of these does not fetch the requirements again.
COPY requirements.txt requirements-build.txt ./
RUN /opt/importer/bin/pip install --require-hashes --only-binary=:all: \
    -r requirements.txt -r requirements-build.txt

COPY pyproject.toml README.md ./
COPY importer ./importer
RUN /opt/importer/bin/pip install --no-deps --no-build-isolation . \
    && /opt/importer/bin/pip uninstall --yes pip setuptools \
    && /opt/importer/bin/python -m compileall -q /opt/importer/lib


FROM ${PYTHON_IMAGE} AS runtime

# A number that no user of the host is likely to have.
RUN groupadd --gid 10001 importer \
    && useradd --uid 10001 --gid importer --home-dir /var/lib/importer --shell /usr/sbin/nologin importer \
    && install --directory --owner=importer --group=importer /var/lib/importer /var/lib/importer/tmp

COPY --from=build /opt/importer /opt/importer

# The home folder is where state, temporary files and, by the working folder, rejects and reports go.
ENV PATH=/opt/importer/bin:$PATH \
    HOME=/var/lib/importer \
    TMPDIR=/var/lib/importer/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

USER 10001:10001
WORKDIR /var/lib/importer
VOLUME /var/lib/importer

ENTRYPOINT ["importer"]
CMD ["--help"]
