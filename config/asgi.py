"""What uvicorn serves: Django's WSGI application in threads, on the one port.

Measured: DRF under plain ASGI costs twice the CPU. Streams and waits, when they come, are async code beside it.
"""

from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp

from config.bridge import with_chunked_bodies, with_whole_bodies
from config.wsgi import application as wsgi_application

WEB_THREADS = 10

_in_threads = WSGIMiddleware(cast(WSGIApp, with_chunked_bodies(wsgi_application)), workers=WEB_THREADS)
application = with_whole_bodies(_in_threads)
