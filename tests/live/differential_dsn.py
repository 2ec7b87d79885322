"""Answers with libpq's own reading of connection strings, for differential_dsn.rs.

Reads one JSON string a line on standard input; writes first `{"version": N}`, then one object a line: `{"ok": {keyword:
value}}`, `{"err": true}`, or `{"undecodable": true}` for a value that is not UTF-8. libpq is the one that psycopg2
brings (psycopg2.extensions.parse_dsn calls PQconninfoParse); with a path as argument, that libpq.so through ctypes.
"""

import ctypes
import json
import sys


class Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label", "dispchar")]
    _fields_ += [("dispsize", ctypes.c_int)]


def through_ctypes(path):
    libpq = ctypes.CDLL(path)
    libpq.PQconninfoParse.restype = ctypes.POINTER(Option)
    libpq.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p)]
    libpq.PQconninfoFree.argtypes = [ctypes.POINTER(Option)]

    def parse(dsn):
        error = ctypes.c_char_p()
        options = libpq.PQconninfoParse(dsn.encode(), ctypes.byref(error))
        if not options:
            return {"err": True}
        found, at = {}, 0
        while options[at].keyword:
            if options[at].val is not None:
                found[options[at].keyword.decode()] = options[at].val
            at += 1
        libpq.PQconninfoFree(options)
        try:
            return {"ok": {keyword: value.decode() for keyword, value in found.items()}}
        except UnicodeDecodeError:
            return {"undecodable": True}

    return libpq.PQlibVersion(), parse


def through_psycopg2():
    import psycopg2
    from psycopg2 import extensions

    def parse(dsn):
        if not dsn:
            return {"ok": {}}  # psycopg2 answers for the empty string itself
        try:
            return {"ok": extensions.parse_dsn(dsn)}
        except UnicodeDecodeError:
            return {"undecodable": True}
        except psycopg2.ProgrammingError:
            return {"err": True}

    return extensions.libpq_version(), parse


def main():
    version, parse = through_ctypes(sys.argv[1]) if len(sys.argv) > 1 else through_psycopg2()
    print(json.dumps({"version": version}))
    for line in sys.stdin:
        print(json.dumps(parse(json.loads(line))))


main()
