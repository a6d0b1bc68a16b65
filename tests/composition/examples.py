"""Descriptions that tests compose."""

from __future__ import annotations

from typing import Any

from zoe_hub.model.framework import Framework
from zoe_hub.model.zapp import ZApp

CLUSTER: dict[str, Any] = {
    "apiVersion": "zoe/v1",
    "kind": "Framework",
    "name": "cluster",
    "title": "A cluster",
    "options": [
        {"name": "workers", "type": "integer", "default": 2, "minimum": 0, "maximum": 50},
        {"name": "memory", "type": "memory", "default": "1 GiB"},
        {"name": "label", "type": "string", "default": ""},
        {"name": "fast", "type": "boolean", "default": True},
    ],
    "secrets": [{"name": "auth"}],
    "processes": [
        {
            "name": "master",
            "command": ["run", "--port", "${self.port.rpc}"],
            "ports": [{"name": "rpc"}],
            "files": [{"path": "conf", "content": "secret ${secret.auth}\nlabel {{ label }}\n"}],
            "resources": {"cpu": 0.1, "memory": "200 MiB"},
        },
        {
            "name": "worker",
            "command": ["work", "{{ memory | mib }}m", "${master.host}:${master.port.rpc}"],
            "environment": {"FAST": "{{ fast }}"},
            "instances": {"core": "{{ [workers, 1] | min }}", "elastic": "{{ [workers - 1, 0] | max }}"},
            "resources": {"cpu": 1, "memory": "{{ memory + 100 * 1024 * 1024 }}"},
            "after": ["master"],
        },
    ],
    "client": {"connection": {"url": "c://${master.host}:${master.port.rpc}/${secret.auth}"}},
}

APP: dict[str, Any] = {
    "apiVersion": "zoe/v1",
    "kind": "ZApp",
    "name": "app",
    "title": "An app",
    "parameters": [
        {"name": "workers", "type": "integer", "default": 3, "minimum": 0, "maximum": 20, "scales": True},
        {"name": "memory", "type": "memory", "default": "2 GiB", "maximum": "64 GiB"},
        {"name": "label", "type": "string", "default": "plain"},
    ],
    "frameworks": [
        {"framework": "cluster", "options": {name: f"{{{{ {name} }}}}" for name in ("workers", "memory", "label")}}
    ],
}


def framework(**changes: Any) -> Framework:
    return Framework.model_validate({**CLUSTER, **changes})


def zapp(**changes: Any) -> ZApp:
    return ZApp.model_validate({**APP, **changes})
