# One image for the web server, the workers and the migrations; compose.yaml shows them together.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt constraints.txt /tmp/
RUN /opt/venv/bin/pip install --requirement /tmp/requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PRODUCTION=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
RUN groupadd --gid 10001 draftline \
    && useradd --uid 10001 --gid draftline --no-create-home --home-dir /app draftline \
    && install --directory --owner draftline --group draftline /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py ./
COPY base ./base
COPY config ./config
COPY users ./users
COPY templates_app ./templates_app
COPY media_app ./media_app
COPY components ./components
COPY contexts ./contexts
COPY docs/problems ./docs/problems
USER draftline
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "config.probe"]
# Exec form: SIGTERM reaches the server itself. A worker is: python manage.py worker --cluster contexts
CMD ["python", "-m", "config.web"]
