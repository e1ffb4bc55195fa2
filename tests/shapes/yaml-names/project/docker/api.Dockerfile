FROM python:3.13-slim-bookworm
WORKDIR /app
RUN pip install --no-cache-dir fastapi==0.115.0 uvicorn==0.30.6 pytest==8.3.3
COPY weather weather
