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
                # Real mail clients write encoded words in a parameter, and Python complains.
                if not (name.startswith("Content-") and "encoded" in repr(defect)):
                    yield f"{name}: {defect!r}"
        if not part.is_multipart():
            try:
                content = part.get_content()
            except Exception as error:
                yield f"{part.get_content_type()}: {error!r}"
            else:
                # A table is sent without a charset.
                is_file = part.get_filename() is not None
                if isinstance(content, str) and "\ufffd" in content and not is_file:
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
