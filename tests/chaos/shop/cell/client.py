"""Run in a kernel, in the larger form of the tests."""


def connect(connection):
    return {"cell": connection["address"]}


def disconnect(names):
    pass
