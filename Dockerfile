# The lab in a container: `docker build -t dgm-lab .`, `docker run -p 8501:8501 dgm-lab`.
#
# A smaller image for machines without a GPU, with CPU builds from PyTorch's package index, whose
# hashes are not checked:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu -t dgm-lab .
#
# The base image is named once, by its digest.
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm@sha256:593bd06efe90efa80dc4eee3948be7c0fde4134606dd40d8dd8dbcade98e669c

FROM ${PYTHON_IMAGE} AS packages
ARG TORCH_INDEX=""
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.lock requirements-torch.lock ./
# Every file is checked against its hash, but those of an index named by TORCH_INDEX.
RUN if [ -n "$TORCH_INDEX" ]; then \
      pip install --no-deps --index-url "$TORCH_INDEX" \
        $(grep -oE '^(torch|torchvision)==[^ ;]+' requirements-torch.lock); \
    else \
      pip install --no-deps --only-binary :all: --require-hashes -r requirements-torch.lock; \
    fi \
    && pip install --no-deps --only-binary :all: --require-hashes -r requirements.lock \
    && pip check

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --no-create-home --home-dir /tmp lab \
    && mkdir /data && chown lab /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY app.py ./
COPY .streamlit .streamlit
COPY assets assets
COPY pretrained pretrained
COPY dgm_core dgm_core
COPY pages pages
COPY ui ui
# Compile to byte code now, because the user "lab" cannot write to this folder.
RUN python -m compileall -q app.py dgm_core pages ui
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DGM_DATA=/data PORT=8501
USER lab
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/_stcore/health', timeout=4)"]
# With exec, signals reach the server. Without its welcome message, Streamlit does not look up its
# external address on the internet.
CMD ["sh", "-c", "exec streamlit run app.py --server.headless=true --server.address=0.0.0.0 --server.port=\"$PORT\" --server.fileWatcherType=none --logger.hideWelcomeMessage=true"]
