"""What uvicorn serves: Django's WSGI application in threads, on the one port.

Measured: DRF under plain ASGI costs twice the CPU. Streams and waits go on as async code beside it.
"""

from concurrent.futures import Executor, ThreadPoolExecutor

from django.conf import settings

from base import database_clock
from config.bodies import BodyLimits
from config.bridge import WsgiInThreads
from config.long_answers import LongAnswers
from config.wsgi import application as wsgi_application

WEB_THREADS = 10
LIVENESS_PATH = "/healthz"

_threads = ThreadPoolExecutor(WEB_THREADS, thread_name_prefix="web")
# Whether the process answers must not wait for those who wait for the database.
_liveness_thread = ThreadPoolExecutor(1, thread_name_prefix="web-liveness")


def _threads_for(path: str) -> Executor:
    return _liveness_thread if path == LIVENESS_PATH else _threads


application = WsgiInThreads(
    wsgi_application,
    threads=_threads_for,
    long_answers=LongAnswers(settings.LIVE_CONNECTIONS),
    limits=BodyLimits(keep_bytes=settings.KEPT_BODY_BYTES),
)
database_clock.keep_refreshing()
