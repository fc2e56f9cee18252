#!/usr/bin/env python3
"""Prints TensorBoard event files as JSON lines, one event each, in the order TensorBoard would read them.

Knows nothing of the program that wrote them: frames, checksums and protocol buffers are read from
their definitions (record_writer.h, RFC 3720 appendix B.4, event.proto, summary.proto, tensor.proto).
Ends with an error if a checksum or a length is wrong.
"""
import json
import os
import struct
import sys


def crc32c(data):
    """Bit by bit, reflected polynomial 0x82F63B78."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    at = 0
    while at < len(data):
        (length, crc) = struct.unpack_from("<QI", data, at)
        if masked(data[at : at + 8]) != crc:
            sys.exit(f"byte {at}: checksum of the length")
        body = data[at + 12 : at + 12 + length]
        if masked(body) != struct.unpack_from("<I", data, at + 12 + length)[0]:
            sys.exit(f"byte {at}: checksum of the data")
        yield body
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Any message: a list of (number, value); what has a length stays bytes."""
    found, at = [], 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
            if len(value) != length:
                sys.exit("a field is longer than its message")
        else:
            sys.exit(f"wire type {kind}")
        found.append((key >> 3, value))
    return found


def value_of(message):
    """A Summary.Value."""
    of = dict(fields(message))
    value = {"tag": of[1].decode()}
    if 2 in of:
        value["simple_value"] = of[2]
    if 8 in of:
        tensor = dict(fields(of[8]))
        dims = [dict(fields(dim))[1] for number, dim in fields(tensor[2]) if number == 2]
        value.update(dtype=tensor[1], shape=dims, text=tensor[8].decode())
    if 9 in of:
        metadata = dict(fields(of[9]))
        value.update(plugin=dict(fields(metadata[1]))[1].decode(), data_class=metadata[4])
    return value


def event(message):
    of = dict(fields(message))
    result = {"wall_time": of[1], "step": of.get(2, 0)}
    if 3 in of:
        result["file_version"] = of[3].decode()
    if 5 in of:
        result["values"] = [value_of(value) for number, value in fields(of[5]) if number == 1]
    if 7 in of:
        result["session_status"] = dict(fields(of[7]))[1]
    return result


for name in sorted(name for name in os.listdir(sys.argv[1]) if "tfevents" in name):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        for record in records(file.read()):
            print(json.dumps(event(record)))
