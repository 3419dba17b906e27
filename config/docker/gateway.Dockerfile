# s3gw itself.  Build context: the repository.
FROM python:3.12-slim
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY s3gw s3gw
RUN pip install --no-cache-dir . && useradd --system --user-group --home-dir /nonexistent s3gw
WORKDIR /
USER s3gw
EXPOSE 8333
CMD ["s3gw", "serve"]
