# belfoot_img in a container: one image for the service, the worker and the migrations (compose.yaml runs all of them).
# BASE needs Python >= 3.11 with venv, and nothing else: the libraries come as wheels, so that no compiler is in it.
ARG BASE=python:3.13-slim-trixie

# hadolint ignore=DL3006
FROM ${BASE} AS build
COPY . /source
WORKDIR /source
# pip, the libraries' own tests and the formats of languages that no page has go in the end: 50 MB. setuptools stays,
# since Pyramid imports it.
RUN python3 -m venv /opt/belfoot_img \
    && /opt/belfoot_img/bin/pip install --no-cache-dir --no-compile ".[jpegli]" \
    && /opt/belfoot_img/bin/belfoot-img init /etc/belfoot_img \
    && rm /etc/belfoot_img/environment \
    && /opt/belfoot_img/bin/pip uninstall --yes pip \
    && find /opt/belfoot_img -depth -type d -name tests -exec rm -rf {} + \
    && find /opt/belfoot_img -path '*/babel/locale-data/*' ! -name 'root.dat' ! -name 'en*' ! -name 'ru*' -delete

# hadolint ignore=DL3006
FROM ${BASE}
COPY --from=build /opt/belfoot_img /opt/belfoot_img
COPY --from=build /etc/belfoot_img /etc/belfoot_img
# A volume that is mounted on it takes its mode: there the socket is made, by nobody.
RUN chmod 1777 /run
# Nothing is written but /tmp and /dev/shm, which may be in memory; the root can be read-only. Python keeps its compiled
# modules in /tmp too: 40 MB less to pull, and processes after the first start as fast as ever.
ENV PATH=/opt/belfoot_img/bin:$PATH \
    BELFOOT_IMG_INI=/etc/belfoot_img/production.ini \
    PYTHONPYCACHEPREFIX=/tmp/pycache \
    PYTHONWARNINGS="ignore:pkg_resources is deprecated:UserWarning"
WORKDIR /etc/belfoot_img
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD \
    ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["gunicorn", "--paste", "production.ini", "--bind", "0.0.0.0:8000"]
