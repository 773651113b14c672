# docker build -t layerscope . && docker run --rm -p 127.0.0.1:8501:8501 layerscope
# For a team, behind a proxy and with limits: compose.yaml. What holds and what does not in a container: docs/hosting.md.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 layerscope
ENV PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=2

WORKDIR /project
# First, since what it needs changes less often than it does.
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY pyproject.toml README.md LICENSE streamlit_app.py ./
COPY .streamlit ./.streamlit
COPY core ./core
COPY docs ./docs
COPY layerscope ./layerscope
COPY ui ./ui
COPY vizplugins ./vizplugins
RUN pip install --no-deps . && rm -rf build

USER layerscope
WORKDIR /home/layerscope
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["layerscope", "run", "--headless", "--address", "0.0.0.0"]
