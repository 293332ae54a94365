"""Reads messages (one in hexadecimal per line) and prints all that Python's parser makes of each."""

import email
import email.policy
import html
import json
import re
import sys


def mailboxes(message, name):
    header = message[name]
    if header is None:
        return []
    return [[address.display_name, address.addr_spec] for address in header.addresses]


def defects(part):
    found = [repr(defect) for defect in part.defects]
    for name, value in part.items():
        found += [f"{name}: {defect!r}" for defect in getattr(value, "defects", ())]
    if part.is_multipart():
        for inner in part.iter_parts():
            found += defects(inner)
    return found


def words(text):
    return set(re.findall(r"[A-Za-zÀ-ÿ]+(?:['’][A-Za-z]+)?", text.lower()))


def describe(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    plain = message.get_body(("plain",))
    page = message.get_body(("html",))
    text = plain.get_content()
    shared = None
    if page is not None:
        shown = html.unescape(re.sub(r"<[^>]+>", " ", page.get_content()))
        # The address of a link is in an attribute.
        said = words(re.sub(r"<https://aka\.ms/\w+>", " ", text))
        shared = len(said & words(shown)) / max(1, len(said))
    return {
        "headers": [[name, str(value)] for name, value in message.items()],
        "from": mailboxes(message, "From"),
        "to": mailboxes(message, "To"),
        "cc": mailboxes(message, "Cc"),
        "subject": str(message["Subject"]),
        "date": message["Date"].datetime.isoformat(),
        "plain": text,
        "shared_words": shared,
        "files": [
            [part.get_filename(), part.get_payload(decode=True).hex()]
            for part in message.iter_attachments()
        ]
        if message.get_content_type() == "multipart/mixed"
        else [],
        "defects": defects(message),
    }


for line in sys.stdin:
    try:
        print(json.dumps(describe(bytes.fromhex(line))))
    except Exception as error:  # noqa: BLE001 - reported as a defect of the message
        print(json.dumps({"defects": [f"cannot be read: {error!r}"]}))
