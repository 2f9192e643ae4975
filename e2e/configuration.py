"""Ask Patroni itself what it makes of a configuration.

Reads one case a line from stdin: {"config": path or "", "dcs_url": url or "", "env": {...}}.
Writes one answer a line: what patronictl would use, or {"error": type}. Files and
environment are read by the functions of the Patroni that is installed.
"""
import json
import logging
import os
import re
import sys
from types import SimpleNamespace

import click

import patroni.ctl
from patroni.dcs.etcd import AbstractEtcdClientWithFailover
from patroni.dcs.etcd3 import Etcd3
from patroni.request import PatroniRequest
from patroni.utils import uri

logging.disable(logging.CRITICAL)
STORES = ('consul', 'etcd', 'etcd3', 'exhibitor', 'kubernetes', 'raft', 'zookeeper')


def etcd3(section):
    seen = {}

    class Client:
        def __init__(self, config, *args, **kwargs):
            seen.update(config)

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    section.setdefault('retry_timeout', 10)
    this = SimpleNamespace(set_socket_options=None, _ttl=30)
    Etcd3.get_etcd_client(this, section, Client)
    protocol = seen.get('protocol') or 'http'
    found = AbstractEtcdClientWithFailover._get_machines_cache_from_config(SimpleNamespace(
        _config=seen, protocol=protocol,
        _get_machines_cache_from_srv=lambda *args: [],
        _get_machines_cache_from_dns=lambda host, port: [uri(protocol, (host, port))]))
    cert = seen.get('cert')
    key = None
    if isinstance(cert, tuple):
        cert, key = cert
    login = seen.get('username') and seen.get('password')
    return {
        'endpoints': sorted(found or []), 'srv': 'proxy' not in seen and seen.get('srv') or '', 'srv_suffix': seen.get('srv_suffix') or '',
        'username': seen['username'] if login else '', 'password': seen['password'] if login else '',
        'ca': bool(seen.get('ca_cert')), 'cert': bool(cert),
    }


def resolve(case):
    os.environ.clear()
    os.environ.update(case['env'])
    default = patroni.ctl.CONFIG_FILE_PATH = os.path.join(click.get_app_dir('patroni'), 'patronictl.yaml')
    path = case['config'] or os.environ.get('PATRONICTL_CONFIG_FILE') or default
    config = patroni.ctl.load_config(path, case['dcs_url'] or os.environ.get('DCS_URL') or None)
    config.setdefault('ctl', {})['insecure'] = config.get('ctl', {}).get('insecure') or case['insecure']
    base = re.sub('/+', '/', '/'.join(['', config.get('namespace', 'service'), config['scope'], '']))
    pool = PatroniRequest(config)._pool.connection_pool_kw
    superuser = config['postgresql'].get('authentication', {}).get('superuser') or {}
    store = [s for s in STORES if s in config][0]
    return {
        'prefix': base, 'store': store, 'citus': bool(config.get('citus')),
        'etcd3': etcd3(config['etcd3']) if store == 'etcd3' else {},
        'rest': {
            'ca': bool(pool.get('ca_certs')), 'cert': bool(pool.get('cert_file')),
            'no_verify': pool['cert_reqs'] == 'CERT_NONE', 'any_name': pool.get('assert_hostname') is False,
        },
        'superuser': {k: str(superuser[k]) for k in ('username', 'password', 'sslmode', 'sslrootcert') if superuser.get(k)},
    }


for line in sys.stdin:
    try:
        answer = resolve(json.loads(line))
    except Exception as e:
        answer = {'error': repr(e)}
    print(json.dumps(answer), flush=True)
os._exit(0)
