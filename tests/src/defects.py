"""Parses every mail named on standard input with Python's email package and prints what it finds
wrong, one line each."""

import email
import email.policy
import sys


def defects(path):
    with open(path, "rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    for part in message.walk():
        for defect in part.defects:
            yield f"{part.get_content_type()}: {defect!r}"
        for name, value in part.items():
            for defect in value.defects:
                yield f"{name}: {defect!r}"
        if not part.is_multipart():
            try:
                content = part.get_content()
            except Exception as error:
                yield f"{part.get_content_type()}: {error!r}"
            else:
                if isinstance(content, str) and "\ufffd" in content:
                    yield f"{part.get_content_type()}: bytes that are not of its charset"
    body = message.get_body(preferencelist=("plain",))
    if body is None or not body.get_content().strip():
        yield "no plain text"


count = 0
for line in sys.stdin:
    path = line.rstrip("\n")
    count += 1
    for defect in defects(path):
        print(f"{path}: {defect}")
print(f"parsed {count}")
