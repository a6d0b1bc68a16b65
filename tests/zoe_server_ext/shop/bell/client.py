"""Run in the kernel."""


def connect(connection):
    return {"bell": len(connection["word"])}


def disconnect(names):
    pass
