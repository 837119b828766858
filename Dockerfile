# The image of every Dateline service: the wheel with the bundled pipeline, and the locked versions of what it needs.

FROM python:3.12-slim-bookworm AS build
WORKDIR /build
# 1. What the lock file names, checked against its hashes; this layer lasts as long as the lock file.
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes --requirement requirements.lock --wheel-dir wheels
# 2. The project's own wheel.
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY dateline dateline
COPY ingest ingest
COPY processors processors
COPY storage storage
COPY stream stream
RUN pip wheel --no-index --find-links wheels --no-deps --wheel-dir dist .
# 3. What the wheel needs, from step 1 alone: the locked versions, and none of the development tools.
RUN python -m venv /opt/dateline \
 && /opt/dateline/bin/pip install --no-cache-dir --no-index --find-links wheels dist/dateline-*.whl

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin dateline
COPY --from=build /opt/dateline /opt/dateline
ENV PATH=/opt/dateline/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
ENTRYPOINT ["dateline"]
CMD ["--help"]
