"""One view: reads JSON, inserts one row, answers its id. Nothing is checked."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contexts.api.access import submitter
from contexts.models import Context
from users.access import Scope


class BareView(APIView):
    """The same authentication, permission, parser and table as POST /api/contexts, and nothing else."""

    write_scope = Scope.CONTEXTS_WRITE

    def post(self, request: Request) -> Response:
        posted = cast(dict[str, Any], request.data)
        row = Context.objects.create(
            organization_id=submitter(request).organization_id,
            type=posted["type"],
            title=posted["data"]["title"],
            pipeline=posted["pipeline"],
            data=posted["data"],
        )
        return Response({"id": row.pk}, status=201)
