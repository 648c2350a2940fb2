"""What the Pod Security Standard `restricted` asks of a pod, as the namespace enforces it; written from its text."""

from collections.abc import Mapping
from typing import Any

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def is_restricted(pod: Mapping[str, Any]) -> list[str]:
    """What is wrong with this PodSpec; nothing when it may run. Our own wish is among it: a root that nobody writes."""
    wrong = [f"host {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
    own = pod.get("securityContext", {})
    if not own.get("runAsNonRoot") or not own.get("runAsUser"):
        wrong.append("may run as root")
    if own.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        wrong.append("any system call")
    for volume in pod.get("volumes", []):
        wrong += [f"volume {volume['name']} is a {kind}" for kind in volume if kind not in VOLUMES | {"name"}]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            wrong.append(f"{container['name']} may gain rights")
        if context.get("capabilities", {}).get("drop") != ["ALL"] or context["capabilities"].get("add"):
            wrong.append(f"{container['name']} has capabilities")
        if context.get("privileged") or context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
            wrong.append(f"{container['name']} is root")
        if context.get("readOnlyRootFilesystem") is not True:
            wrong.append(f"{container['name']} may write its root")
    return wrong
