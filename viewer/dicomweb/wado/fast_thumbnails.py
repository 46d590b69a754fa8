"""Thumbnails that Flask has answered before, sent again from the event loop while their study is the same."""

from __future__ import annotations

from viewer.dicomweb.wado.quick import QuickWay, accept_of
from viewer.rsgi_types import HTTPProtocol, Scope

_SUFFIX = "/thumbnail"


class FastThumbnails(QuickWay):
    """See the module's top."""

    async def answer(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if it can be done at once; False leaves it untouched."""
        if scope.method != "GET" or not scope.path.endswith(_SUFFIX):
            return False
        kept = self.services.memo.get((scope.path, scope.query_string, accept_of(scope)))
        if kept is None or self.is_other(scope, kept.etag):
            return False
        if not await self.may_look(scope, kept.study_instance_uid):
            return False
        if self.services.archive.index.study_revision(kept.study_instance_uid) != kept.revision:
            return False
        self.send(scope, protocol, list(kept.headers), kept.body, kept.endpoint)
        return True
