# The tool alone, without privileges: the static binary, CA certificates and licences, on
# top of nothing. The context is what scripts/release.sh made; see make image.
ARG BASE=debian:trixie-slim
FROM ${BASE} AS parts
# BuildKit sets it; the older builder takes it from the command line.
ARG TARGETARCH=amd64
RUN [ -e /etc/ssl/certs/ca-certificates.crt ] || \
    { apt-get update && apt-get install -y --no-install-recommends ca-certificates; }
ADD patroni-preflight-*-linux-${TARGETARCH}.tar.gz /
RUN mkdir -p /root-of-image/etc/ssl/certs /root-of-image/usr/bin /root-of-image/usr/share/doc/patroni-preflight && \
    cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ && \
    mv /patroni-preflight-*/patroni-preflight /root-of-image/usr/bin/ && \
    mv /patroni-preflight-*/doc/copyright /patroni-preflight-*/doc/third-party-licenses /root-of-image/usr/share/doc/patroni-preflight/

FROM scratch
COPY --from=parts /root-of-image/ /
USER 65534:65534
ENTRYPOINT ["/usr/bin/patroni-preflight"]
