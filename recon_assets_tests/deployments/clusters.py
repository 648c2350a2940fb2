"""Stand-ins of what starts containers, Kubernetes' API server and Docker's engine: they keep what they are told."""

from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Kubernetes:
    """Takes Jobs."""

    jobs: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        async def create(request: Request) -> Response:
            job = await request.json()
            self.jobs.append(job | {"namespace": request.path_params["namespace"]})
            return JSONResponse(job, status_code=201)

        return Starlette(routes=[Route("/apis/batch/v1/namespaces/{namespace}/jobs", create, methods=["POST"])])


@dataclass
class Docker:
    """Takes containers, and starts them: that is, says so."""

    containers: list[dict[str, Any]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        async def version(_: Request) -> Response:
            return JSONResponse({"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.0"})

        async def create(request: Request) -> Response:
            self.containers.append(await request.json())
            return JSONResponse({"Id": "c0ffee", "Warnings": []}, status_code=201)

        async def inspect(_: Request) -> Response:
            return JSONResponse({"Id": "c0ffee", "State": {"Status": "created"}, "Config": {"Image": "recon"}})

        async def start(request: Request) -> Response:
            self.started.append(request.path_params["id"])
            return Response(status_code=204)

        return Starlette(
            routes=[
                Route("/version", version),
                Route("/v{api}/containers/create", create, methods=["POST"]),
                Route("/v{api}/containers/{id}/json", inspect),
                Route("/v{api}/containers/{id}/start", start, methods=["POST"]),
            ]
        )
