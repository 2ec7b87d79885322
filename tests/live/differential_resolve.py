"""Answers with what libpq adds to a connection string, for differential_dsn.rs.

Reads one `{"dsn": …, "env": {…}}` a line; writes `{"refused": true}` when libpq refuses before it tries any server, else
`{"params": {…}, "password": …}` as PQconninfo and PQpass give them. libpq is the one that psycopg2 has loaded. Nothing
answers at the addresses that are used.
"""

import ctypes
import json
import os
import sys

import psycopg2  # noqa: F401 (loads its libpq)

KEYWORDS = "user dbname host hostaddr port sslmode sslrootcert connect_timeout application_name".split()


class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")]
    _fields_ += [("dispsize", ctypes.c_int)]


def loaded_libpq():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return ctypes.CDLL(next(line.split()[-1] for line in maps if "libpq" in line.rsplit("/", 1)[-1]))


libpq = loaded_libpq()
for function, result in (
    ("PQconnectStart", ctypes.c_void_p),
    ("PQconninfo", ctypes.POINTER(Option)),
    ("PQpass", ctypes.c_char_p),
    ("PQerrorMessage", ctypes.c_char_p),
):
    getattr(libpq, function).restype = result
for function in ("PQconninfo", "PQpass", "PQerrorMessage", "PQfinish"):
    getattr(libpq, function).argtypes = [ctypes.c_void_p]


def answer(scenario):
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    os.environ.update(scenario["env"])
    connection = libpq.PQconnectStart(scenario["dsn"].encode())
    message = libpq.PQerrorMessage(connection).decode()
    tried = not message or "connection to server" in message
    options = libpq.PQconninfo(connection)
    params, at = {}, 0
    while options[at].keyword:
        keyword = options[at].keyword.decode()
        if keyword in KEYWORDS and options[at].val is not None:
            params[keyword] = options[at].val.decode()
        at += 1
    password = libpq.PQpass(connection).decode()
    libpq.PQfinish(connection)
    return {"params": params, "password": password} if tried else {"refused": True}


os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libpq warns of password files with open modes
print(json.dumps({"version": libpq.PQlibVersion()}))
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
