"""Draftline's settings: one flat file, read from the environment only. README.md explains each variable."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from base.version import VERSION
from config.caches import cache_at
from config.databases import database_from_url, is_mongo
from config.environment import Environment
from config.mongo import wiring
from config.secret_key import read_or_make

env = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)
PRODUCTION = env.bool("PRODUCTION", default=False)
DEBUG = env.bool("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and PRODUCTION:
    raise ImproperlyConfigured("Set SECRET_KEY or SECRET_KEY_FILE: production has no default key.")
SECRET_KEY = SECRET_KEY or read_or_make(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # former keys: what they hid can still be read

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else [*LOOPBACK, HOST])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "users",
    "templates_app",
    "media_app",
    "components",
    "contexts",
    "config",
]

MIDDLEWARE = [
    "config.http_metrics.HttpMetrics",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "base.etags.conditional_get",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.large_forms.LargeForms",  # the last: before any look into the body, after what messages need
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False  # the API has no trailing slashes; the admin adds its own

# --- Stores ---------------------------------------------------------------------------------------------------
DATABASES = {"default": database_from_url(env.str("DATABASE_URL", default=""), DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if is_mongo(DATABASES["default"]):
    DEFAULT_AUTO_FIELD = wiring.OBJECT_ID
    INSTALLED_APPS = wiring.mongo_apps(INSTALLED_APPS)
    MIGRATION_MODULES = wiring.MIGRATION_MODULES
    DATABASE_ROUTERS = wiring.ROUTERS
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {"default": cache_at(REDIS_URL)}
MEDIA_URL: str = env.str("MEDIA_URL", default="/media/")  # a full address where articles are shown on another host
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "media", "base_url": MEDIA_URL},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]
WHITENOISE_USE_FINDERS = True  # serves what is installed; there is no collect step to forget

# --- People ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- API ------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.authentication.ApiKeyAuthentication",
        "users.authentication.AdminSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["users.permissions.HasScope"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "users.throttling.WhoFirst",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["base.parsers.StrictJsonParser"],
    "DEFAULT_PAGINATION_CLASS": "base.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "base.openapi.ProblemSchema",
    "EXCEPTION_HANDLER": "base.problem_views.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # Accept alone chooses; ?format=x would answer 404
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Draftline",
    "DESCRIPTION": "Post a context, fetch the finished content.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api",
    "POSTPROCESSING_HOOKS": [],  # pydantic names what needs a name; renamed enums would be worse
}
MAX_BODY_BYTES = env.int("MAX_BODY_BYTES", default=20 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
LIVE_CONNECTIONS = env.int("LIVE_CONNECTIONS", default=2000)  # waits and streams that are open in one web process
MEDIA_MAX_BYTES = env.int("MEDIA_MAX_BYTES", default=20 * 1024 * 1024)
KEPT_BODY_BYTES = max(MAX_BODY_BYTES, MEDIA_MAX_BYTES) + 1024 * 1024  # a form has its own words around a file
MEDIA_MAX_PIXELS = env.int("MEDIA_MAX_PIXELS", default=40_000_000)

# --- Components -----------------------------------------------------------------------------------------------
COMPONENTS = env.list("COMPONENTS", default=[])  # dotted paths of classes, beside the built-in ones
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")
OPENAI_MODEL = env.str("OPENAI_MODEL", default="gpt-4o-mini")
OPENAI_MAX_CONCURRENT = env.int("OPENAI_MAX_CONCURRENT", default=2000)
OPENAI_REQUESTS_PER_MINUTE = env.int("OPENAI_REQUESTS_PER_MINUTE", default=0)  # 0: no limit
OPENAI_TOKENS_PER_MINUTE = env.int("OPENAI_TOKENS_PER_MINUTE", default=0)
HTTP_ALLOW_PRIVATE = env.bool("HTTP_ALLOW_PRIVATE", default=False)

# --- Webhooks -------------------------------------------------------------------------------------------------
WEBHOOKS_ALLOW_PRIVATE = env.bool("WEBHOOKS_ALLOW_PRIVATE", default=False)
WEBHOOKS_ALLOW_HTTP = env.bool("WEBHOOKS_ALLOW_HTTP", default=not PRODUCTION)

# --- Engine ---------------------------------------------------------------------------------------------------
WORKERS = env.int("WORKERS", default=2)
MAX_IN_FLIGHT = env.int("MAX_IN_FLIGHT", default=768)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=20)
HEARTBEAT_SECONDS = env.int("HEARTBEAT_SECONDS", default=5)
LOOP_BLOCKED_SECONDS = env.int("LOOP_BLOCKED_SECONDS", default=10)
STEP_TIMEOUT_SECONDS = env.int("STEP_TIMEOUT_SECONDS", default=120)
CONTEXT_TIMEOUT_SECONDS = env.int("CONTEXT_TIMEOUT_SECONDS", default=600)
DRAIN_SECONDS = env.int("DRAIN_SECONDS", default=600)
STOP_GRACE_SECONDS = env.int("STOP_GRACE_SECONDS", default=5)

# django-q2 delivers hints only; the context row is the truth. Drain < timeout < retry, or a task runs twice.
Q_TIMEOUT_SECONDS = DRAIN_SECONDS + CONTEXT_TIMEOUT_SECONDS + 60
Q_CLUSTER = {
    "name": "draftline",
    "cluster_name": "chores",
    "workers": 3,  # one sweeps while another delivers webhooks and a third runs trials of templates
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.2,
    "timeout": 300,
    "retry": 360,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 100,
    "guard_cycle": 0.2,
    "recycle": 200,
    "label": "Queue (django-q2)",
    "ALT_CLUSTERS": {
        "contexts": {
            "workers": WORKERS + 1,  # one takes over while a drain whose turn has ended finishes what it has
            "queue_limit": WORKERS,
            "timeout": Q_TIMEOUT_SECONDS,
            "retry": Q_TIMEOUT_SECONDS + 60,
            "recycle": 1,
            "scheduler": False,
        }
    },
    "orm": "default",
    **({"broker_class": "contexts.queue_broker.QueueBroker"} if REDIS_URL else {}),
}

# --- Security -------------------------------------------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "base.problem_views.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come over plain HTTP from inside
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Logs -----------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django-q": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        "httpx2": {"level": "WARNING"},  # a line per model call says nothing
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # every scanner would write a traceback
    },
}

# --- Admin ----------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Draftline",
    "SITE_HEADER": "Draftline",
    "SITE_SYMBOL": "edit_note",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}draftline.svg"}],
    "STYLES": [f"{STATIC_URL}draftline.css"],
    "SCRIPTS": [f"{STATIC_URL}draftline.js"],
    "SHOW_BACK_BUTTON": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"navigation": "config.admin_site.navigation"},
    "DASHBOARD_CALLBACK": "contexts.admin.dashboard.dashboard",
}
