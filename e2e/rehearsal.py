"""Ask Patroni's REST API itself what it answers to a switchover that is an empty list.

Writes one line of JSON: the release, the status, how often it was checked who asks, and
what the request touched besides; then the same for a real request, as a control, and for
one whose login is refused. Everything around the request handler is replaced.
"""
import io
import json
import sys
from unittest.mock import MagicMock

import patroni.postgresql  # first: they import each other
import patroni.api
from patroni.version import __version__


class Socket:
    """A connection on which one request has arrived."""

    def __init__(self, request):
        self.request, self.answer = request, b''

    def makefile(self, *_, **__):
        return io.BytesIO(self.request)

    def sendall(self, data):
        self.answer += data

    def settimeout(self, _):
        pass


def post(body, accepted=True):
    server, checked = MagicMock(), []

    def check_access(handler, **_):
        checked.append(handler)
        return accepted or handler.send_error(401)

    server.check_access = check_access
    socket = Socket(b'POST /switchover HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
    patroni.api.RestApiHandler(socket, ('127.0.0.1', 1), server)
    touched = [str(call) for call in server.patroni.mock_calls]
    return {'status': int(socket.answer.split()[1]), 'checked': len(checked), 'touched': len(touched)}


json.dump({'version': __version__, 'empty_list': post(b'[]'), 'real': post(b'{"leader": "a", "candidate": "b"}'),
           'refused': post(b'[]', accepted=False)}, sys.stdout)
