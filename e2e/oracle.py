"""Ask Patroni itself what it makes of a cluster's state.

Reads one state a line (preflight.PatroniState as JSON) from stdin and writes one
answer a line: what patronictl prints, what the leader's HA loop logs, and who
takes the leader key. Everything is computed by the functions of the Patroni that
is installed (or on PYTHONPATH); network, DCS and PostgreSQL are replaced.
"""
import datetime
import inspect
import json
import logging
import re
import sys
import time
from types import SimpleNamespace
from unittest.mock import patch

import patroni.postgresql  # first: they import each other
import patroni.api
import patroni.config
import patroni.ctl
import patroni.ha
from patroni.dcs import Cluster, ClusterConfig, Failover, Leader, Member, SyncState, TimelineHistory
from patroni.version import __version__

try:
    from patroni import global_config  # 3.3.0
    if not hasattr(global_config, 'update'):
        global_config = None
except ImportError:
    global_config = None
try:
    from patroni.tags import Tags  # 3.2.0
except ImportError:
    Tags = object
get_global_config = getattr(patroni.config, 'get_global_config', None)  # 3.0.3 to 3.2.2

time.sleep = lambda _: None
VERSION = tuple(int(x) for x in __version__.split('.')[:3])


class Stub:
    """Has what it is given; anything else may be called and does nothing. Much cheaper than a Mock."""

    def __init__(self, **given):
        self.__dict__.update(given)

    def __getattr__(self, _):
        return Stub()

    def __call__(self, *_, **__):
        return Stub()


class Process(Tags):
    """A Patroni process: its tags, and what it makes of them."""

    def __init__(self, tags):
        self._own = tags or {}

    @property
    def tags(self):
        return self._own

    if Tags is object:
        @property
        def nofailover(self):
            return bool(self._own.get('nofailover', False))


def configuration(state):
    config = {'maximum_lag_on_failover': state['max_lag'], 'check_timeline': state['check_timeline'],
              'pause': state['pause'], 'synchronous_mode': state['sync_mode'], 'ttl': 30, 'loop_wait': 10}
    if state['standby_cluster']:
        config['standby_cluster'] = {'host': '10.0.0.1'}
    return config


def member_value(m, old):
    """A member key; the old format is a URL, which has no room for tags."""
    url, api = 'postgres://%s/postgres' % m['name'], 'http://%s/patroni' % m['name']
    if old and m['has_api'] and not m['key_tags']:
        return '%s?application_name=%s' % (url, api)
    value = {'conn_url': url, 'tags': m['key_tags'] or {}}
    if m['has_api']:
        value['api_url'] = api
    return json.dumps(value)


def failover_value(failover, old):
    """/failover; the old format is "leader:candidate"."""
    if old and 'scheduled_at' not in failover:
        return '%s:%s' % (failover.get('leader', ''), failover.get('member', ''))
    return json.dumps(failover)


def cluster(state, leader, failover):
    """Patroni's view of the DCS."""
    members = [Member.from_node(1, m['name'], 'x', member_value(m, state['old_formats'])) for m in state['members']]
    by_name = {m.name: m for m in members}
    sync = state['sync'] or {}
    sync_value = {'leader': sync['leader'], 'sync_standby': ','.join(sync.get('standbys') or []) or None,
                  'quorum': sync.get('quorum', 0)} if sync.get('leader') else {}
    if state['old_formats'] and not sync_value.get('quorum'):
        sync_value.pop('quorum', None)  # there is none before 4.0.0
    history = [[state['timeline'] - 1, 1, 'x']] if state['timeline'] else None
    if history and not state['old_formats']:
        history[0] += ['2026-01-01T00:00:00+00:00', 'n1']
    values = {
        'initialize': '1', 'config': ClusterConfig.from_node(1, json.dumps(configuration(state)), 1),
        'leader': Leader(1, 'x', by_name[leader]) if leader in by_name else None,
        'last_lsn': state['optime'], 'members': members,
        'failover': Failover.from_node(1, failover_value(failover, state['old_formats'])) if failover else None,
        'sync': SyncState.from_node(1, json.dumps(sync_value)),
        'history': TimelineHistory.from_node(1, json.dumps(history)) if history else None,
        'slots': None, 'failsafe': None, 'workers': {}, 'status': None,
    }
    if 'status' in Cluster._fields:
        from patroni.dcs import Status
        values['status'] = Status.from_node(str(state['optime']) if state['old_formats'] else json.dumps({'optime': state['optime']}))
    return Cluster(*[values[f] for f in Cluster._fields])


def answer(m):
    """What GET api_url of that member gives."""
    if not m['answers']:
        raise IOError('no answer')
    data = {'role': m['role'], 'tags': m['tags'] or {}, 'timeline': m['timeline'] or None, 'state': 'running'}
    if m['has_xlog']:
        data['xlog'] = {'location': m['position']} if m['location'] else \
            {'received_location': m['position'], 'replayed_location': m['position']}
    if m['watchdog_failed']:
        data['watchdog_failed'] = True
    return SimpleNamespace(status=200, data=json.dumps(data).encode())


class World:
    """One cluster and one request."""

    def __init__(self, state):
        self.state = state
        self.members = {m['name']: m for m in state['members']}
        self.leader, self.failover = state['leader'], None
        self.demoted, self.log, self.race = False, [], None

    def cluster(self):
        c = cluster(self.state, self.leader, self.failover)
        if global_config:
            global_config.update(c)
        return c

    def request(self, member, *_, **__):
        if not member.api_url:
            raise IOError('no api_url')
        return answer(self.members[member.name])

    def ha(self, name, primary):
        """The HA loop of one member."""
        ha = object.__new__(patroni.ha.Ha)
        own = self.members.get(name, {})
        process = Process(own.get('tags'))
        process.request = self.request
        process.config = dict(configuration(self.state), standby_cluster=configuration(self.state).get('standby_cluster') or {})
        ha.patroni = process
        c = self.cluster()
        ha.cluster = ha.old_cluster = c
        if get_global_config:
            ha.global_config = get_global_config(c)
        ha.dcs = Stub(ttl=30, loop_wait=10, manual_failover=self.write, failsafe=None)
        ha.watchdog = Stub(is_healthy=True)
        ha._released_leader_key_timestamp = 0
        ha._last_timeline = None
        ha._async_executor = Stub(try_run_async=self.demote)
        ha.state_handler = Stub(
            is_starting=lambda: False, is_leader=lambda: primary, is_primary=lambda: primary, sysid='1',
            last_operation=lambda: own.get('position', 0),
            replica_cached_timeline=lambda _: own.get('timeline') or None)
        ha.state_handler.name = name
        ha.fetch_nodes_statuses = lambda members: [ha.fetch_node_status(m) for m in members]
        return ha

    def demote(self, *_):
        self.demoted = True

    def write(self, leader, candidate, scheduled_at=None, **_):
        if leader or candidate:
            if self.state.get('read_only_dcs'):
                return False
            at = scheduled_at and scheduled_at.isoformat()
            self.failover = {k: v for k, v in (('leader', leader), ('member', candidate), ('scheduled_at', at)) if v}
        else:
            self.failover = None
        return True

    def wakeup(self):
        """One run of the leader's HA loop, and what follows from it."""
        capture = Capture()
        logger = logging.getLogger('patroni.ha')
        logger.addHandler(capture)
        primary = not self.state['standby_cluster']
        try:
            self.ha(self.leader, primary).process_manual_failover_from_leader()
        finally:
            logger.removeHandler(capture)
        self.log = [re.sub('(stale .*): .*', r'\1', line) for line in capture.lines
                    if not line.startswith(('Got response', 'Request failed', 'Cleaning', 'Awaiting'))]
        if self.demoted:
            self.run_race()

    def run_race(self):
        old, self.leader = self.leader, None
        self.state['members'] = self.state['after']
        self.members = {m['name']: m for m in self.state['after']}
        self.race = {'takers': [m for m in self.members if m != old and self.takes(m)], 'old_leader': False}
        if not self.race['takers'] and old in self.members:
            self.race['old_leader'] = self.takes(old)
        if self.race['takers']:
            self.leader, self.failover = self.race['takers'][0], None
        elif self.race['old_leader']:
            self.leader, self.failover = old, None

    def takes(self, name):
        try:
            return not self.members[name].get('absent') and bool(self.ha(name, False).is_healthiest_node())
        except Exception:
            return False

    def rest(self, _member, _method, _action, body):
        """POST /switchover."""
        if self.state.get('rest_refused'):
            raise IOError('refused')
        handler = object.__new__(patroni.api.RestApiHandler)
        out = SimpleNamespace(status=None, data=b'')

        def write(status, text, *_, **__):
            out.status, out.data = status, text.encode()

        leader = self.ha(self.state['leader'], not self.state['standby_cluster'])
        leader.wakeup = self.wakeup
        dcs = Stub(get_cluster=self.cluster, manual_failover=self.write, loop_wait=10)
        config = Stub(get_global_config=get_global_config)
        handler.server = Stub(patroni=SimpleNamespace(dcs=dcs, ha=leader, config=config))
        handler.headers = {}
        handler._read_json_content = lambda *_, **__: body
        handler.write_response = handler._write_response = write
        handler.do_POST_switchover()
        return out

    def patronictl(self):
        printed = []
        at = None
        if self.state['scheduled']:
            day = datetime.timedelta(days=-1 if self.state['past'] else 1)
            at = (datetime.datetime.now(datetime.timezone.utc) + day).isoformat()
        citus = self.state.get('group_missing', False)
        given = {'obj': {'citus': {'group': 0}} if citus else {}, 'action': 'switchover', 'cluster_name': self.state['scope'], 'group': None,
                 'candidate': self.state['candidate'] or None, 'force': True}
        given.update(dict.fromkeys(('master', 'leader', 'switchover_leader'), self.state['from'] or None))
        given.update(dict.fromkeys(('scheduled', 'switchover_scheduled'), at))
        dcs = Stub(get_cluster=self.cluster, manual_failover=self.write)
        run = patroni.ctl._do_failover_or_switchover
        with patch.object(patroni.ctl, 'get_dcs', lambda *_, **__: dcs), \
                patch.object(patroni.ctl, 'output_members'), \
                patch.object(patroni.ctl, 'request_patroni', self.rest), \
                patch.object(patroni.ctl, 'is_citus_cluster', lambda: citus, create=True), \
                patch.object(patroni.ctl, 'timestamp', lambda *_: ''), \
                patch.object(patroni.ctl.click, 'echo', lambda text='', **_: printed.append(text.strip())):
            try:
                run(**{k: v for k, v in given.items() if k in inspect.signature(run).parameters})
            except patroni.ctl.PatroniCtlException as e:
                return 'Error: ' + e.message
        if self.state.get('rest_refused') and self.failover:
            self.wakeup()
        return '\n'.join(line for line in printed if line != 'Current cluster topology')


class Capture(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def main():
    logging.getLogger('patroni.ha').setLevel(logging.INFO)
    logging.getLogger('patroni.ha').propagate = False
    logging.getLogger('patroni.ha').addHandler(logging.NullHandler())
    logging.disable(logging.NOTSET)
    print(json.dumps({'version': __version__}), flush=True)
    for line in sys.stdin:
        world = World(json.loads(line))
        printed = world.patronictl()
        print(json.dumps({'printed': printed, 'log': world.log, 'race': world.race}))


if __name__ == '__main__':
    main()
