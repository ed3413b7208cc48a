# Limner in a container: docker build -t limner . && docker run --gpus all -v limner-data:/data \
#   -v ./config.toml:/etc/limner/config.toml:ro -e LIMNER_TOKEN limner
FROM python:3.11-slim-bookworm

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    LIMNER_DATA_DIR=/data \
    LIMNER_WEB_ENABLED=true \
    HF_HOME=/data/hub

WORKDIR /srv/limner
# pins first: they change less often than the code
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE ./
COPY bot ./bot
COPY engine ./engine
RUN pip install -c constraints.txt setuptools \
    && pip install -c constraints.txt --no-build-isolation . \
    && useradd --create-home --uid 1000 limner \
    && install -d -o limner -g limner /data /etc/limner

USER limner
VOLUME /data
STOPSIGNAL SIGTERM
# 503 until a worker is ready and Discord is connected
HEALTHCHECK --interval=30s --timeout=10s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz', timeout=8)"]
ENTRYPOINT ["limner"]
CMD ["run"]
